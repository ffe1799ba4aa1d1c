// Target regions: functions between FOVEA_TARGET_BEGIN(set) and FOVEA_TARGET_END are compiled for that feature set of
// core/cpu.h, in a translation unit built for the baseline CPU. Layer core; used by the kernel tables (table.h of each
// folder of cpu) and the vector wrappers (cpu/simd).
//
//   FOVEA_TARGET_BEGIN(avx2)
//   namespace fovea::inline FOVEA_ABI::cpu::avx2 { ... intrinsics, templates, lambdas ... }
//   FOVEA_TARGET_END
//
// Rules that keep one binary correct on every CPU: include <immintrin.h> and std headers before the first region; give
// each set a namespace of its own; use no std:: templates inside a region (the linker may keep that copy for all).
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define FOVEA_FEATURES_avx2 "avx2,fma,bmi,bmi2"
#define FOVEA_FEATURES_avx512 "avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"

#define FOVEA_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define FOVEA_TARGET_PUSH(features) \
  FOVEA_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FOVEA_TARGET_END FOVEA_PRAGMA(clang attribute pop)
#else
#define FOVEA_TARGET_PUSH(features) FOVEA_PRAGMA(GCC push_options) FOVEA_PRAGMA(GCC target(features))
#define FOVEA_TARGET_END FOVEA_PRAGMA(GCC pop_options)
#endif
#define FOVEA_TARGET_BEGIN(set) FOVEA_TARGET_PUSH(FOVEA_FEATURES_##set)

// Before a loop over accumulators: an array that any loop leaves rolled is kept in memory, not in registers.
#if defined(__clang__)
#define FOVEA_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FOVEA_UNROLL _Pragma("GCC unroll 32")
#endif
