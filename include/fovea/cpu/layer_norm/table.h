// The CPU's kernels of layer norm and its gradients, best first, the reference last. Layer cpu; the only file that
// knows every target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/layer_norm/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/layer_norm/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<LayerNormArgs<T>> kLayerNormKernels[] = {
    {"layer_norm_reference", Isa::scalar, accepts_all, split<layer_norm_reference<T>>},
};
template <class T>
inline constexpr Kernel<LayerNormGradArgs<T>> kLayerNormGradKernels[] = {
    {"layer_norm_grad_reference", Isa::scalar, accepts_all, split<layer_norm_grad_reference<T>>},
};
template <class T>
inline constexpr Kernel<LayerNormSumArgs<T>> kLayerNormSumKernels[] = {
    {"layer_norm_sum_reference", Isa::scalar, accepts_all, layer_norm_sum<layer_norm_sum_reference_slice<T>>},
};

template <>
inline constexpr Kernel<LayerNormArgs<float>> kLayerNormKernels<float>[] = {
#if defined(__x86_64__)
    {"layer_norm_f32_avx512", Isa::avx512, accepts_all, split<avx512::layer_norm>},
    {"layer_norm_f32_avx2", Isa::avx2, accepts_all, split<avx2::layer_norm>},
#elif defined(__aarch64__)
    {"layer_norm_f32_neon", Isa::neon, accepts_all, split<neon::layer_norm>},
#endif
    {"layer_norm_f32_reference", Isa::scalar, accepts_all, split<layer_norm_reference<float>>},
};
template <>
inline constexpr Kernel<LayerNormGradArgs<float>> kLayerNormGradKernels<float>[] = {
#if defined(__x86_64__)
    {"layer_norm_grad_f32_avx512", Isa::avx512, accepts_all, split<avx512::layer_norm_grad>},
    {"layer_norm_grad_f32_avx2", Isa::avx2, accepts_all, split<avx2::layer_norm_grad>},
#elif defined(__aarch64__)
    {"layer_norm_grad_f32_neon", Isa::neon, accepts_all, split<neon::layer_norm_grad>},
#endif
    {"layer_norm_grad_f32_reference", Isa::scalar, accepts_all, split<layer_norm_grad_reference<float>>},
};
template <>
inline constexpr Kernel<LayerNormSumArgs<float>> kLayerNormSumKernels<float>[] = {
#if defined(__x86_64__)
    {"layer_norm_sum_f32_avx512", Isa::avx512, accepts_all, layer_norm_sum<avx512::layer_norm_sum_slice>},
    {"layer_norm_sum_f32_avx2", Isa::avx2, accepts_all, layer_norm_sum<avx2::layer_norm_sum_slice>},
#elif defined(__aarch64__)
    {"layer_norm_sum_f32_neon", Isa::neon, accepts_all, layer_norm_sum<neon::layer_norm_sum_slice>},
#endif
    {"layer_norm_sum_f32_reference", Isa::scalar, accepts_all, layer_norm_sum<layer_norm_sum_reference_slice<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<LayerNormArgs<T>>> LayerNormArgs<T>::cpu_kernels() {
  return cpu::kLayerNormKernels<T>;
}
template <class T>
std::span<const Kernel<LayerNormGradArgs<T>>> LayerNormGradArgs<T>::cpu_kernels() {
  return cpu::kLayerNormGradKernels<T>;
}
template <class T>
std::span<const Kernel<LayerNormSumArgs<T>>> LayerNormSumArgs<T>::cpu_kernels() {
  return cpu::kLayerNormSumKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
