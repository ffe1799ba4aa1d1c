// The measured multiply-add peak of one core, fp32, for the set of instructions in force: what shares of peak refer to.
#pragma once

#include <algorithm>
#include <chrono>

#include <fovea/core/cpu.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>
#include <fovea/cpu/simd/plain.h>

#if defined(__x86_64__)
FOVEA_TARGET_BEGIN(avx512)
namespace fovea::inline FOVEA_ABI::cpu::avx512 {
#  include "peak.inc"
}
FOVEA_TARGET_END
FOVEA_TARGET_BEGIN(avx2)
namespace fovea::inline FOVEA_ABI::cpu::avx2 {
#  include "peak.inc"
}
FOVEA_TARGET_END
#elif defined(__aarch64__)
namespace fovea::inline FOVEA_ABI::cpu::neon {
#  include "peak.inc"
}
#endif

namespace fovea::bench {

// GFLOP/s of independent fma chains in registers, the best of several turns; 0 where the cap allows no vector set.
inline double peak_gflops() {
  static const double peak = [] {
    double (*turn)(long) = nullptr;
#if defined(__x86_64__)
    if (allowed(Isa::avx2)) turn = cpu::avx2::fma_turn;
    if (allowed(Isa::avx512)) turn = cpu::avx512::fma_turn;
#elif defined(__aarch64__)
    if (allowed(Isa::neon)) turn = cpu::neon::fma_turn;
#endif
    double best = 0;
    for (int i = 0; turn && i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const double flop = turn(1'000'000);
      best =
          std::max(best, flop / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 1e-9);
    }
    return best;
  }();
  return peak;
}

}  // namespace fovea::bench
