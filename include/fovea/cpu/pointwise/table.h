// The CPU's kernels of PointwiseArgs, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/pointwise/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/pointwise/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<PointwiseArgs<T>> kPointwiseKernels[] = {
    {"pointwise_reference", Isa::scalar, accepts_all, split<pointwise_reference<T>>},
};

template <>
inline constexpr Kernel<PointwiseArgs<float>> kPointwiseKernels<float>[] = {
#if defined(__x86_64__)
    {"pointwise_f32_avx512", Isa::avx512, avx512::pointwise_accepts, split<avx512::pointwise>},
    {"pointwise_f32_avx2", Isa::avx2, avx2::pointwise_accepts, split<avx2::pointwise>},
#elif defined(__aarch64__)
    {"pointwise_f32_neon", Isa::neon, neon::pointwise_accepts, split<neon::pointwise>},
#endif
    {"pointwise_f32_reference", Isa::scalar, accepts_all, split<pointwise_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<PointwiseArgs<T>>> PointwiseArgs<T>::cpu_kernels() {
  return cpu::kPointwiseKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
