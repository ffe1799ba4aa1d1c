// The CPU's kernels of ChannelDotArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/core/target.h>
#include <fovea/cpu/channel_dot/reference.h>
#include <fovea/cpu/scratch.h>
#include <fovea/cpu/simd/avx2.h>
#include <fovea/cpu/simd/avx512.h>
#include <fovea/cpu/simd/neon.h>

#define FOVEA_BODY <fovea/cpu/channel_dot/body.inc>
#include <fovea/cpu/for_each_target.inc>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<ChannelDotArgs<T>> kChannelDotKernels[] = {
    {"channel_dot_reference", Isa::scalar, accepts_all, channel_dot<channel_dot_reference_slice<T>>},
};

template <>
inline constexpr Kernel<ChannelDotArgs<float>> kChannelDotKernels<float>[] = {
#if defined(__x86_64__)
    {"channel_dot_f32_avx512", Isa::avx512, accepts_all, channel_dot<avx512::channel_dot_slice>},
    {"channel_dot_f32_avx2", Isa::avx2, accepts_all, channel_dot<avx2::channel_dot_slice>},
#elif defined(__aarch64__)
    {"channel_dot_f32_neon", Isa::neon, accepts_all, channel_dot<neon::channel_dot_slice>},
#endif
    {"channel_dot_f32_reference", Isa::scalar, accepts_all, channel_dot<channel_dot_reference_slice<float>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<ChannelDotArgs<T>>> ChannelDotArgs<T>::cpu_kernels() {
  return cpu::kChannelDotKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
