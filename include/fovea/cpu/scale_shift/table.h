// The CPU's kernels of ScaleShiftArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/scale_shift/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/scale_shift/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<ScaleShiftArgs<T>> kScaleShiftKernels[] = {
    {"scale_shift_reference", Isa::scalar, accepts_all, split<scale_shift_reference<T>>},
};

template <>
inline constexpr Kernel<ScaleShiftArgs<float>> kScaleShiftKernels<float>[] = {
#if defined(__x86_64__)
    {"scale_shift_f32_avx512", Isa::avx512, accepts_all, split<avx512::scale_shift>},
    {"scale_shift_f32_avx2", Isa::avx2, accepts_all, split<avx2::scale_shift>},
#elif defined(__aarch64__)
    {"scale_shift_f32_neon", Isa::neon, accepts_all, split<neon::scale_shift>},
#endif
    {"scale_shift_f32_reference", Isa::scalar, accepts_all, split<scale_shift_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<ScaleShiftArgs<T>>> ScaleShiftArgs<T>::cpu_kernels() {
  return cpu::kScaleShiftKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
