// ChannelSumArgs: what a kernel that sums pixels, channel by channel, is told. Layer cpu; read reference.h next.
//
// sum(c) = sum over p of x(p, c): the gradient of a bias from dy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct ChannelSumArgs {
  static constexpr const char* name = "channel_sum";
  static std::span<const Kernel<ChannelSumArgs>> cpu_kernels();

  std::int64_t pixels = 0, channels = 0;
  const T* x = nullptr;        // contiguous pixels x channels
  master_t<T>* sum = nullptr;  // channels; overwritten

  friend std::ostream& operator<<(std::ostream& out, const ChannelSumArgs& a) {
    return out << "channel_sum " << dtype_of<T> << " " << a.pixels << "x" << a.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
