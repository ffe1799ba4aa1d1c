// The CPU's kernels of NormGradArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/norm_grad/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/norm_grad/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<NormGradArgs<T>> kNormGradKernels[] = {
    {"norm_grad_reference", Isa::scalar, accepts_all, split<norm_grad_reference<T>>},
};

template <>
inline constexpr Kernel<NormGradArgs<float>> kNormGradKernels<float>[] = {
#if defined(__x86_64__)
    {"norm_grad_f32_avx512", Isa::avx512, accepts_all, split<avx512::norm_grad>},
    {"norm_grad_f32_avx2", Isa::avx2, accepts_all, split<avx2::norm_grad>},
#elif defined(__aarch64__)
    {"norm_grad_f32_neon", Isa::neon, accepts_all, split<neon::norm_grad>},
#endif
    {"norm_grad_f32_reference", Isa::scalar, accepts_all, split<norm_grad_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<NormGradArgs<T>>> NormGradArgs<T>::cpu_kernels() {
  return cpu::kNormGradKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
