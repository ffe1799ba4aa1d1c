// The CPU's kernels of DropoutArgs, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/dropout/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/dropout/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<DropoutArgs<T>> kDropoutKernels[] = {
    {"dropout_reference", Isa::scalar, accepts_all, split<dropout_reference<T>>},
};

template <>
inline constexpr Kernel<DropoutArgs<float>> kDropoutKernels<float>[] = {
#if defined(__x86_64__)
    {"dropout_f32_avx512", Isa::avx512, avx512::dropout_accepts, split<avx512::dropout>},
    {"dropout_f32_avx2", Isa::avx2, avx2::dropout_accepts, split<avx2::dropout>},
#elif defined(__aarch64__)
    {"dropout_f32_neon", Isa::neon, neon::dropout_accepts, split<neon::dropout>},
#endif
    {"dropout_f32_reference", Isa::scalar, accepts_all, split<dropout_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<DropoutArgs<T>>> DropoutArgs<T>::cpu_kernels() {
  return cpu::kDropoutKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
