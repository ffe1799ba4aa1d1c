// The CPU's kernels of ChannelSumArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/channel_sum/blocks.h>
#include <fovea/cpu/channel_sum/reference.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/channel_sum/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<ChannelSumArgs<T>> kChannelSumKernels[] = {
    {"channel_sum_reference", Isa::scalar, accepts_all, channel_sum_reference<T>},
};

template <>
inline constexpr Kernel<ChannelSumArgs<float>> kChannelSumKernels<float>[] = {
#if defined(__x86_64__)
    {"channel_sum_f32_avx512", Isa::avx512, accepts_all, avx512::channel_sum},
    {"channel_sum_f32_avx2", Isa::avx2, accepts_all, avx2::channel_sum},
#elif defined(__aarch64__)
    {"channel_sum_f32_neon", Isa::neon, accepts_all, neon::channel_sum},
#endif
    {"channel_sum_f32_reference", Isa::scalar, accepts_all, channel_sum_reference<float>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<ChannelSumArgs<T>>> ChannelSumArgs<T>::cpu_kernels() {
  return cpu::kChannelSumKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
