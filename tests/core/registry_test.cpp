#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>
#include <span>
#include <string>

#include <fovea/core/registry.h>
#include <support/catch.h>

using namespace fovea;

namespace {
struct SquareArgs {
  static constexpr const char* name = "square";
  static std::span<const Kernel<SquareArgs>> cpu_kernels();
  int n = 0;
  int* out = nullptr;
  friend std::ostream& operator<<(std::ostream& s, const SquareArgs& a) { return s << "n=" << a.n; }
};
bool is_small(const SquareArgs& a) { return a.n < 10; }
bool never(const SquareArgs&) { return false; }
void square(const SquareArgs& a) { *a.out = a.n * a.n; }
void square_simd(const SquareArgs& a) { *a.out = a.n * a.n + 1000; }
void square_fake(const SquareArgs& a) { *a.out = a.n * a.n + 2000; }

constexpr Isa kSimd =
#if defined(__aarch64__)
    Isa::neon;
#else
    Isa::avx2;
#endif
constexpr Kernel<SquareArgs> kSquareKernels[] = {{"square_never", Isa::scalar, never, square_fake},
                                                 {"square_simd", kSimd, is_small, square_simd},
                                                 {"square_reference", Isa::scalar, accepts_all, square}};
std::span<const Kernel<SquareArgs>> SquareArgs::cpu_kernels() { return kSquareKernels; }

int run(int n, Device device = Device::cpu) {
  int out = 0;
  const SquareArgs args{n, &out};
  choose(args, device).run(args);
  return out;
}

// Standard error of a child that runs `f` with FOVEA_LOG=kernels.
template <class F>
std::string logged(F&& f) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    setenv("FOVEA_LOG", "kernels", 1);
    dup2(ends[1], 2);
    f();
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[256];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return text;
}
}  // namespace

// Comes first: FOVEA_LOG is read once a process, at the first choice.
TEST_CASE("FOVEA_LOG=kernels prints the row that served each call") {
  CHECK(logged([] {
          run(20);
          run(30);
        }) == "fovea: square_reference  n=20\nfovea: square_reference  n=30\n");
}

TEST_CASE("the first row whose set is allowed and which accepts the arguments runs") {
  const Isa before = isa_cap();
  cap_isa(Isa::scalar);
  CHECK(run(3) == 9);
  CHECK(run(20) == 400);
  cap_isa(best_isa());
  CHECK(run(3) == (cpu_has(kSimd) ? 1009 : 9));
  CHECK(run(20) == 400);
  cap_isa(before);
}

TEST_CASE("a device without a row that accepts is an error") {
  int out = 0;
  try {
    choose(SquareArgs{3, &out}, Device::cuda);
    FAIL("chosen");
  } catch (const Error& e) {
    CHECK(std::string(e.what()) == "square: no kernel of this device accepts n=3");
    CHECK(e.code() == Code::unavailable);
  }
}

TEST_CASE("an installed table serves its device") {
  static constexpr Kernel<SquareArgs> kFake[] = {{"square_fake", Isa::scalar, is_small, square_fake}};
  CHECK(kernels<SquareArgs>(Device::sim).empty());
  install_kernels<SquareArgs>(Device::sim, kFake);
  CHECK(run(3, Device::sim) == 2009);
  CHECK_THROWS_AS(run(20, Device::sim), Error);
  CHECK(run(20) == 400);
  install_kernels<SquareArgs>(Device::sim, {});
  CHECK(kernels<SquareArgs>(Device::sim).empty());
  CHECK_THROWS_WITH(install_kernels<SquareArgs>(Device::cpu, kFake), "install_kernels: the CPU's table is fixed");
}
