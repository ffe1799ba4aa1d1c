// CPU features: what this machine has, and the named sets that kernels ask for. Layer core.
// Each Isa is a named set of features. FOVEA_CPU=<name> (or cap_isa) caps the choice: rows that need more are not used.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fovea/core/error.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace fovea::inline FOVEA_ABI {

// Ascending within a family: a cap allows its own set and those before it. The features of each set:
//   avx2        AVX2, FMA, BMI (Haswell, Zen 1)
//   avxvnni     avx2 + AVX-VNNI, 256-bit vpdpbusd (Alder Lake, Zen 5)
//   avx512      avx2 + AVX-512 F BW CD DQ VL (Skylake-X, Zen 4)
//   avx512vnni  avx512 + VNNI (Cascade Lake)
//   avx512bf16  avx512vnni + BF16 (Cooper Lake, Zen 4)
//   amx         avx512bf16 + AMX tile, int8, bf16, and the permission of the operating system (Sapphire Rapids)
//   neon        ARMv8.0 (every aarch64)    dotprod  neon + SDOT/UDOT    i8mm  dotprod + int8 matrix multiply
enum class Isa : std::uint8_t { scalar, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx, neon, dotprod, i8mm };
inline constexpr int kIsas = 10;
inline constexpr std::array<std::string_view, kIsas> kIsaNames = {
    "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx", "neon", "dotprod", "i8mm"};
inline std::string_view name_of(Isa isa) { return kIsaNames[static_cast<std::size_t>(isa)]; }

// The Isa of a name; an unknown one is an error that lists all.
inline Isa parse_isa(std::string_view name) {
  for (int i = 0; i < kIsas; ++i)
    if (kIsaNames[static_cast<std::size_t>(i)] == name) return static_cast<Isa>(i);
  std::string all;
  for (const std::string_view n : kIsaNames) all += (all.empty() ? "" : ", ") + std::string(n);
  fail("FOVEA_CPU: unknown name '", name, "', known are ", all);
}

namespace detail {
using IsaSet = std::uint32_t;  // bit i: Isa i
constexpr IsaSet bit(Isa isa) { return IsaSet{1} << static_cast<unsigned>(isa); }

#if defined(__x86_64__)
inline std::uint64_t xcr0() {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}
// AMX tiles need a permission once a process: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
inline bool request_amx() {
#if defined(__linux__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}
inline IsaSet detect_isas() {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  IsaSet set = bit(Isa::scalar);
  if (!__get_cpuid(1, &a, &b, &c, &d)) return set;
  const bool fma = c >> 12 & 1, osxsave = c >> 27 & 1, avx = c >> 28 & 1;
  std::uint32_t b7 = 0, c7 = 0, d7 = 0, a71 = 0;
  if (!osxsave || !avx || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return set;
  const std::uint32_t subleaves = a;
  if (subleaves >= 1) __get_cpuid_count(7, 1, &a71, &b, &c, &d);
  const std::uint64_t state = xcr0();
  if ((state & 0x6) != 0x6 || !fma || !(b7 >> 5 & 1) || !(b7 >> 3 & 1) || !(b7 >> 8 & 1)) return set;
  set |= bit(Isa::avx2);
  if (a71 >> 4 & 1) set |= bit(Isa::avxvnni);
  constexpr std::uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F DQ CD BW VL
  if ((state & 0xe6) != 0xe6 || (b7 & avx512) != avx512) return set;
  set |= bit(Isa::avx512);
  if (!(c7 >> 11 & 1)) return set;
  set |= bit(Isa::avx512vnni);
  if (!(a71 >> 5 & 1)) return set;
  set |= bit(Isa::avx512bf16);
  constexpr std::uint32_t amx = 1u << 22 | 1u << 24 | 1u << 25;  // bf16, tile, int8
  if ((d7 & amx) == amx && (state & 0x60000) == 0x60000 && request_amx()) set |= bit(Isa::amx);
  return set;
}
#elif defined(__aarch64__)
inline IsaSet detect_isas() {
  IsaSet set = bit(Isa::scalar) | bit(Isa::neon);
#if defined(__linux__)
  constexpr unsigned long kDotProd = 1ul << 20, kI8mm = 1ul << 13;  // HWCAP_ASIMDDP, HWCAP2_I8MM
  if (!(getauxval(AT_HWCAP) & kDotProd)) return set;
  set |= bit(Isa::dotprod);
  if (getauxval(AT_HWCAP2) & kI8mm) set |= bit(Isa::i8mm);
#endif
  return set;
}
#else
inline IsaSet detect_isas() { return bit(Isa::scalar); }
#endif

inline IsaSet machine_isas() {
  static const IsaSet set = detect_isas();
  return set;
}
}  // namespace detail

// True if this machine (CPU and operating system) has the set, whatever the cap.
inline bool cpu_has(Isa isa) { return (detail::machine_isas() & detail::bit(isa)) != 0; }

// The best set of this machine.
inline Isa best_isa() {
  Isa best = Isa::scalar;
  for (int i = 0; i < kIsas; ++i)
    if (cpu_has(static_cast<Isa>(i))) best = static_cast<Isa>(i);
  return best;
}

namespace detail {
// FOVEA_CPU, checked: an unknown name, or a set that this machine lacks, is an error.
inline Isa cap_from_environment() {
  const char* name = std::getenv("FOVEA_CPU");
  if (!name || !*name) return best_isa();
  const Isa isa = parse_isa(name);
  if (!cpu_has(isa))
    fail_as(Code::unavailable, "FOVEA_CPU: this machine has no ", name, "; the best that it has is ", name_of(best_isa()));
  return isa;
}
inline std::atomic<Isa>& isa_cap() {
  static std::atomic<Isa> cap{cap_from_environment()};
  return cap;
}
}  // namespace detail

// The cap in force.
inline Isa isa_cap() { return detail::isa_cap().load(std::memory_order_relaxed); }

// Changes the cap at run time, for all threads; tests and benchmarks compare rows with it. A row that somebody has
// chosen already stays chosen. Errors: Code::unavailable if the machine lacks the set.
inline void cap_isa(Isa isa) {
  if (!cpu_has(isa)) fail_as(Code::unavailable, "cap_isa: this machine has no ", name_of(isa));
  detail::isa_cap().store(isa, std::memory_order_relaxed);
}

// True if kernels that need `isa` may run: the machine has it and the cap allows it. AVX-VNNI is no part of AVX-512
// and is allowed under each cap of that family that stands behind it.
inline bool allowed(Isa isa) { return cpu_has(isa) && isa <= isa_cap(); }

}  // namespace fovea::inline FOVEA_ABI
