// The CPU's kernels of ChannelSumArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/cpu/channel_sum/reference.h>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<ChannelSumArgs<T>> kChannelSumKernels[] = {
    {"channel_sum_reference", Isa::scalar, accepts_all, channel_sum_reference<T>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<ChannelSumArgs<T>>> ChannelSumArgs<T>::cpu_kernels() {
  return cpu::kChannelSumKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
