// The CPU's kernels of PointwiseGradArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/cpu/pointwise/table.h>
#include <fovea/cpu/pointwise_grad/reference.h>

#define FOVEA_BODY <fovea/cpu/pointwise_grad/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<PointwiseGradArgs<T>> kPointwiseGradKernels[] = {
    {"pointwise_grad_reference", Isa::scalar, accepts_all, split<pointwise_grad_reference<T>>},
};

template <>
inline constexpr Kernel<PointwiseGradArgs<float>> kPointwiseGradKernels<float>[] = {
#if defined(__x86_64__)
    {"pointwise_grad_f32_avx512", Isa::avx512, avx512::pointwise_grad_accepts, split<avx512::pointwise_grad>},
    {"pointwise_grad_f32_avx2", Isa::avx2, avx2::pointwise_grad_accepts, split<avx2::pointwise_grad>},
#elif defined(__aarch64__)
    {"pointwise_grad_f32_neon", Isa::neon, neon::pointwise_grad_accepts, split<neon::pointwise_grad>},
#endif
    {"pointwise_grad_f32_reference", Isa::scalar, accepts_all, split<pointwise_grad_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<PointwiseGradArgs<T>>> PointwiseGradArgs<T>::cpu_kernels() {
  return cpu::kPointwiseGradKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
