// The CPU's kernels of Conv2dWeightGradArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/conv2d_weight_grad/reference.h>
#include <fovea/cpu/conv2d_weight_grad/slices.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/conv2d_weight_grad/body.inc>
#include <fovea/cpu/for_each_target.inc>
#define FOVEA_BODY <fovea/cpu/conv2d_weight_grad/depthwise.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<Conv2dWeightGradArgs<T>> kConv2dWeightGradKernels[] = {
    {"conv2d_weight_grad_reference", Isa::scalar, accepts_all, conv2d_weight_grad_reference<T>},
};

template <>
inline constexpr Kernel<Conv2dWeightGradArgs<float>> kConv2dWeightGradKernels<float>[] = {
#if defined(__x86_64__)
    {"conv2d_weight_grad_f32_depthwise_3x4_avx512", Isa::avx512, avx512::depthwise_grad_accepts,
     avx512::depthwise_weight_grad},
    {"conv2d_weight_grad_f32_6x4_avx512", Isa::avx512, accepts_all, avx512::weight_grad},
    {"conv2d_weight_grad_f32_depthwise_3x2_avx2", Isa::avx2, avx2::depthwise_grad_accepts, avx2::depthwise_weight_grad},
    {"conv2d_weight_grad_f32_6x2_avx2", Isa::avx2, accepts_all, avx2::weight_grad},
#elif defined(__aarch64__)
    {"conv2d_weight_grad_f32_depthwise_3x4_neon", Isa::neon, neon::depthwise_grad_accepts, neon::depthwise_weight_grad},
    {"conv2d_weight_grad_f32_6x4_neon", Isa::neon, accepts_all, neon::weight_grad},
#endif
    {"conv2d_weight_grad_f32_reference", Isa::scalar, accepts_all, conv2d_weight_grad_reference<float>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<Conv2dWeightGradArgs<T>>> Conv2dWeightGradArgs<T>::cpu_kernels() {
  return cpu::kConv2dWeightGradKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
