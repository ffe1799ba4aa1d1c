// ChannelDotArgs: for each channel, sum(c) = sum over pixels of a - a_shift and dot(c) = sum of (a - a_shift) (b -
// b_shift). With a = b it gives the moments of batch norm, with a = dy what its gradient reads. Layer cpu.
//
// Sums are cut by the shape alone: blocks of kBlock pixels are summed in T's own arithmetic, blocks are added in double
// within slices, slices in index order; so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct ChannelDotArgs {
  static constexpr const char* name = "channel_dot";
  static std::span<const Kernel<ChannelDotArgs>> cpu_kernels();

  static constexpr std::int64_t kBlock = 64, kMaxSlices = 64;

  std::int64_t pixels = 0, channels = 0;
  const T *a = nullptr, *b = nullptr;                       // pixels x channels
  const master_t<T>*a_shift = nullptr, *b_shift = nullptr;  // channels
  double* sum = nullptr;                                    // channels
  double* dot = nullptr;                                    // channels

  std::int64_t slice_pixels() const {
    const std::int64_t blocks = (pixels + kBlock - 1) / kBlock;
    return std::max<std::int64_t>(1, (blocks + kMaxSlices - 1) / kMaxSlices) * kBlock;
  }
  std::int64_t slices() const { return (pixels + slice_pixels() - 1) / slice_pixels(); }

  friend std::ostream& operator<<(std::ostream& out, const ChannelDotArgs& k) {
    return out << "channel_dot " << dtype_of<T> << " " << k.pixels << "x" << k.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
