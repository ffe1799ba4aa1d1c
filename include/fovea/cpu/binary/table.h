// The CPU's kernels of BinaryArgs, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/binary/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/binary/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<BinaryArgs<T>> kBinaryKernels[] = {
    {"binary_reference", Isa::scalar, accepts_all, split<binary_reference<T>>},
};

template <>
inline constexpr Kernel<BinaryArgs<float>> kBinaryKernels<float>[] = {
#if defined(__x86_64__)
    {"binary_f32_avx512", Isa::avx512, avx512::binary_accepts, split<avx512::binary>},
    {"binary_f32_avx2", Isa::avx2, avx2::binary_accepts, split<avx2::binary>},
#elif defined(__aarch64__)
    {"binary_f32_neon", Isa::neon, neon::binary_accepts, split<neon::binary>},
#endif
    {"binary_f32_reference", Isa::scalar, accepts_all, split<binary_reference<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<BinaryArgs<T>>> BinaryArgs<T>::cpu_kernels() {
  return cpu::kBinaryKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
