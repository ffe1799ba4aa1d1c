// The order of samples, and random crops and flips, by address: sample i of epoch e is the same whoever asks, on any
// machine, with any number of threads. Layer data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <fovea/core/random.h>
#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

// The numbers 0..n-1 in the random order of this epoch: sorted by a random word each.
inline std::vector<std::int64_t> shuffled(std::int64_t n, std::uint64_t seed, std::uint64_t epoch) {
  const Philox random(seed, kShuffleStreams + epoch);
  std::vector<std::pair<std::uint32_t, std::int64_t>> keys(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = {random.word(i), static_cast<std::int64_t>(i)};
  std::sort(keys.begin(), keys.end());
  std::vector<std::int64_t> order;
  order.reserve(keys.size());
  for (const auto& [key, i] : keys) order.push_back(i);
  return order;
}

// Where an image of height x width is cut out of itself with `padding` pixels of zeros around, and whether it is
// mirrored; He et al. 2016 use 4 pixels for CIFAR.
struct CropFlip {
  std::int64_t top = 0, left = 0;  // of the cut, relative to the image: -padding .. padding
  bool mirrored = false;

  static CropFlip random(const Philox& stream, std::int64_t sample, std::int64_t padding) {
    const PhiloxBlock b = stream.block(static_cast<std::uint64_t>(sample));
    const auto places = static_cast<std::uint32_t>(2 * padding + 1);
    return {static_cast<std::int64_t>(below_from(b[0], places)) - padding,
            static_cast<std::int64_t>(below_from(b[1], places)) - padding, (b[2] & 1u) != 0};
  }
};

}  // namespace fovea::inline FOVEA_ABI
