#include <cstdlib>
#include <string>

#include <fovea/core/cpu.h>
#include <support/catch.h>

using namespace fovea;

namespace {
constexpr const char* kAll = "scalar, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx, neon, dotprod, i8mm";

// FOVEA_CPU of a scope.
struct Variable {
  explicit Variable(const char* value) : had_(std::getenv("FOVEA_CPU") != nullptr) {
    if (had_) before_ = std::getenv("FOVEA_CPU");
    setenv("FOVEA_CPU", value, 1);
  }
  ~Variable() {
    if (had_)
      setenv("FOVEA_CPU", before_.c_str(), 1);
    else
      unsetenv("FOVEA_CPU");
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  bool had_;
  std::string before_;
};
struct Cap {
  Isa before = isa_cap();
  Cap() = default;
  ~Cap() { cap_isa(before); }
  Cap(const Cap&) = delete;
  Cap& operator=(const Cap&) = delete;
};
}  // namespace

TEST_CASE("every instruction set has a name that is read back") {
  std::string all;
  for (int i = 0; i < kIsas; ++i) {
    const auto isa = static_cast<Isa>(i);
    CHECK(parse_isa(name_of(isa)) == isa);
    all += (i ? ", " : "") + std::string(name_of(isa));
  }
  CHECK(all == kAll);
}

TEST_CASE("an unknown instruction set is an error that lists all") {
  for (const char* name : {"sse9", "", "AVX2", "avx2 "})
    CHECK_THROWS_WITH(parse_isa(name), "FOVEA_CPU: unknown name '" + std::string(name) + "', known are " + kAll);
  const Variable v("sse9");
  CHECK_THROWS_WITH(detail::cap_from_environment(), "FOVEA_CPU: unknown name 'sse9', known are " + std::string(kAll));
}

TEST_CASE("FOVEA_CPU sets the cap where the machine has the set, and is an error elsewhere") {
  for (int i = 0; i < kIsas; ++i) {
    const auto isa = static_cast<Isa>(i);
    const std::string name(name_of(isa));
    INFO(name);
    const Variable v(name.c_str());
    if (cpu_has(isa)) {
      CHECK(detail::cap_from_environment() == isa);
      continue;
    }
    try {
      detail::cap_from_environment();
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.code() == Code::unavailable);
      CHECK(e.what() ==
            "FOVEA_CPU: this machine has no " + name + "; the best that it has is " + std::string(name_of(best_isa())));
    }
    CHECK_THROWS_WITH(cap_isa(isa), "cap_isa: this machine has no " + name);
  }
  const Variable empty("");
  CHECK(detail::cap_from_environment() == best_isa());
}

TEST_CASE("a cap allows its own set and those before it") {
  const Cap restore;
  for (int c = 0; c < kIsas; ++c) {
    const auto cap = static_cast<Isa>(c);
    if (!cpu_has(cap)) continue;
    cap_isa(cap);
    CHECK(isa_cap() == cap);
    for (int i = 0; i < kIsas; ++i) CHECK(allowed(static_cast<Isa>(i)) == (i <= c && cpu_has(static_cast<Isa>(i))));
  }
}

TEST_CASE("every machine has the scalar set, and the sets build on each other") {
  CHECK(cpu_has(Isa::scalar));
  CHECK(cpu_has(best_isa()));
  const auto implies = [](Isa a, Isa b) { return !cpu_has(a) || cpu_has(b); };
  CHECK(implies(Isa::avxvnni, Isa::avx2));
  CHECK(implies(Isa::avx512, Isa::avx2));
  CHECK(implies(Isa::avx512vnni, Isa::avx512));
  CHECK(implies(Isa::avx512bf16, Isa::avx512vnni));
  CHECK(implies(Isa::amx, Isa::avx512bf16));
  CHECK(implies(Isa::dotprod, Isa::neon));
  CHECK(implies(Isa::i8mm, Isa::dotprod));
#if defined(__x86_64__)
  CHECK_FALSE(cpu_has(Isa::neon));
  // The compiler's own detection; it knows nothing of our sets, but must agree on the features.
  CHECK(cpu_has(Isa::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")));
  CHECK(cpu_has(Isa::avx512) == (cpu_has(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
                                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
  CHECK(cpu_has(Isa::avx512vnni) == (cpu_has(Isa::avx512) && __builtin_cpu_supports("avx512vnni")));
#elif defined(__aarch64__)
  CHECK(cpu_has(Isa::neon));
  CHECK_FALSE(cpu_has(Isa::avx2));
#endif
}
