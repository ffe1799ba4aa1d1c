// The reference resampling: plain loops, sums in double in the order of the taps, rows outside. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/resample/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void resample_reference(const ResampleArgs<T>& a, std::int64_t begin, std::int64_t end) {
  std::vector<double> sum(static_cast<std::size_t>(a.channels));
  for (std::int64_t r = begin; r < end; ++r) {
    const T* image = a.x + r / a.out_height() * a.height * a.width * a.channels;
    T* y = a.y + r * a.out_width() * a.channels;
    for (std::int64_t j = 0; j < a.out_width(); ++j, y += a.channels) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (const ResampleTap& row : a.rows->of(r % a.out_height())) {
        for (const ResampleTap& column : a.columns->of(j)) {
          const T* x = image + (row.source * a.width + column.source) * a.channels;
          const double weight = row.weight * column.weight;
          for (std::int64_t c = 0; c < a.channels; ++c)
            sum[static_cast<std::size_t>(c)] += weight * static_cast<double>(x[c]);
        }
      }
      for (std::int64_t c = 0; c < a.channels; ++c) y[c] = static_cast<T>(sum[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
