// How channel sums are cut: blocks of 256 pixels, added in index order. Layer cpu; used by body.inc.
#pragma once

#include <algorithm>
#include <memory>

#include <fovea/core/storage.h>
#include <fovea/cpu/channel_sum/args.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI::cpu {

struct ChannelSumBlocks {
  static constexpr std::int64_t kPixels = 256;

  explicit ChannelSumBlocks(const ChannelSumArgs<float>& a)
      : count((a.pixels + kPixels - 1) / kPixels),
        pixels(a.pixels),
        channels(a.channels),
        sum(a.sum),
        partial(allocate_aligned(static_cast<std::size_t>(count * channels) * sizeof(float))) {}
  // Not left to the compiler, which would define them in the target region of their first use.
  ~ChannelSumBlocks() {}
  ChannelSumBlocks(const ChannelSumBlocks&) = delete;
  ChannelSumBlocks& operator=(const ChannelSumBlocks&) = delete;

  std::int64_t begin(std::int64_t block) const { return std::min(block * kPixels, pixels); }
  float* part(std::int64_t block) const { return reinterpret_cast<float*>(partial.get()) + block * channels; }
  void add_up() const {
    parallel_for(channels, grain_of(count), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t c = first; c < last; ++c) {
        double total = 0;
        for (std::int64_t b = 0; b < count; ++b) total += static_cast<double>(part(b)[c]);
        sum[c] = static_cast<float>(total);
      }
    });
  }

  std::int64_t count, pixels, channels;
  float* sum;
  std::shared_ptr<std::byte> partial;
};

}  // namespace fovea::inline FOVEA_ABI::cpu
