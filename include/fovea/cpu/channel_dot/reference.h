// The reference sums of each channel: plain loops in double, slice by slice. Layer cpu.
#pragma once

#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/channel_dot/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Adds the pixels [begin, end) to sum and dot, of a slice.
template <class T>
void channel_dot_reference_slice(const ChannelDotArgs<T>& k, std::int64_t begin, std::int64_t end, double* sum,
                                 double* dot) {
  for (std::int64_t p = begin; p < end; ++p) {
    const T *a = k.a + p * k.channels, *b = k.b + p * k.channels;
    for (std::int64_t c = 0; c < k.channels; ++c) {
      const double u = static_cast<double>(a[c]) - static_cast<double>(k.a_shift[c]);
      sum[c] += u;
      dot[c] += u * (static_cast<double>(b[c]) - static_cast<double>(k.b_shift[c]));
    }
  }
}

// A row's `run`: Slice sums one slice, the slices are shared among threads and added in index order.
template <auto Slice, class T>
void channel_dot(const ChannelDotArgs<T>& k) {
  const std::int64_t slices = k.slices(), size = k.slice_pixels();
  std::vector<double> partial(static_cast<std::size_t>(2 * slices * k.channels));
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, size * k.channels));
  parallel_for(slices, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s) {
      double* sum = partial.data() + 2 * s * k.channels;
      Slice(k, s * size, std::min(k.pixels, (s + 1) * size), sum, sum + k.channels);
    }
  });
  for (std::int64_t c = 0; c < k.channels; ++c) k.sum[c] = k.dot[c] = 0;
  for (std::int64_t s = 0; s < slices; ++s)
    for (std::int64_t c = 0; c < k.channels; ++c) {
      k.sum[c] += partial[static_cast<std::size_t>(2 * s * k.channels + c)];
      k.dot[c] += partial[static_cast<std::size_t>((2 * s + 1) * k.channels + c)];
    }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
