// The convolution kernels of the CPU, best first, the reference last. Layer cpu; the only file that knows every target.
#pragma once

#include <fovea/core/parallel_for.h>
#include <fovea/core/target.h>
#include <fovea/cpu/conv2d/args.h>
#include <fovea/cpu/conv2d/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/conv2d/direct.inc>
#include <fovea/cpu/for_each_target.inc>
#define FOVEA_BODY <fovea/cpu/conv2d/depthwise.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<Conv2dArgs<T>> kConv2dKernels[] = {
    {"conv2d_reference", Isa::scalar, accepts_all, conv2d_reference<T>},
};

template <>
inline constexpr Kernel<Conv2dArgs<float>> kConv2dKernels<float>[] = {
#if defined(__x86_64__)
    {"conv2d_f32_depthwise_4x2_avx512", Isa::avx512, avx512::depthwise_accepts, avx512::depthwise_conv2d,
     avx512::depthwise_packed_bytes, avx512::depthwise_pack},
    {"conv2d_f32_direct_6x4_avx512", Isa::avx512, avx512::direct_accepts, avx512::direct_conv2d,
     avx512::direct_packed_bytes, avx512::direct_pack},
    {"conv2d_f32_depthwise_4x2_avx2", Isa::avx2, avx2::depthwise_accepts, avx2::depthwise_conv2d,
     avx2::depthwise_packed_bytes, avx2::depthwise_pack},
    {"conv2d_f32_direct_6x2_avx2", Isa::avx2, avx2::direct_accepts, avx2::direct_conv2d, avx2::direct_packed_bytes,
     avx2::direct_pack},
#elif defined(__aarch64__)
    {"conv2d_f32_depthwise_4x2_neon", Isa::neon, neon::depthwise_accepts, neon::depthwise_conv2d,
     neon::depthwise_packed_bytes, neon::depthwise_pack},
    {"conv2d_f32_direct_6x4_neon", Isa::neon, neon::direct_accepts, neon::direct_conv2d, neon::direct_packed_bytes,
     neon::direct_pack},
#endif
    {"conv2d_f32_reference", Isa::scalar, accepts_all, conv2d_reference<float>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<Conv2dArgs<T>>> Conv2dArgs<T>::cpu_kernels() {
  return cpu::kConv2dKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
