// The CPU's kernels of PoolArgs, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <limits>

#include <fovea/core/target.h>
#include <fovea/cpu/pool/reference.h>
#include <fovea/cpu/scratch.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/pool/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<PoolArgs<T>> kPoolKernels[] = {
    {"pool_reference", Isa::scalar, accepts_all, split<pool_reference<T>>},
};

template <>
inline constexpr Kernel<PoolArgs<float>> kPoolKernels<float>[] = {
#if defined(__x86_64__)
    {"pool_f32_avx512", Isa::avx512, avx512::pool_accepts, split<avx512::pool>},
    {"pool_f32_avx2", Isa::avx2, avx2::pool_accepts, split<avx2::pool>},
#elif defined(__aarch64__)
    {"pool_f32_neon", Isa::neon, neon::pool_accepts, split<neon::pool>},
#endif
    {"pool_f32_reference", Isa::scalar, accepts_all, split<pool_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<PoolArgs<T>>> PoolArgs<T>::cpu_kernels() {
  return cpu::kPoolKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
