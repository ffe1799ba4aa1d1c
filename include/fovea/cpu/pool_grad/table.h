// The CPU's kernels of PoolGradArgs, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/pool_grad/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/pool_grad/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<PoolGradArgs<T>> kPoolGradKernels[] = {
    {"pool_grad_reference", Isa::scalar, accepts_all, split<pool_grad_reference<T>>},
};

template <>
inline constexpr Kernel<PoolGradArgs<float>> kPoolGradKernels<float>[] = {
#if defined(__x86_64__)
    {"pool_grad_f32_avx512", Isa::avx512, avx512::pool_grad_accepts, split<avx512::pool_grad>},
    {"pool_grad_f32_avx2", Isa::avx2, avx2::pool_grad_accepts, split<avx2::pool_grad>},
#elif defined(__aarch64__)
    {"pool_grad_f32_neon", Isa::neon, neon::pool_grad_accepts, split<neon::pool_grad>},
#endif
    {"pool_grad_f32_reference", Isa::scalar, accepts_all, split<pool_grad_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<PoolGradArgs<T>>> PoolGradArgs<T>::cpu_kernels() {
  return cpu::kPoolGradKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
