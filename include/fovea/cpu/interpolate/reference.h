// The reference resize of feature maps: plain loops, blends in double. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/interpolate/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// One output pixel from the pixels of two input rows.
template <class T>
void blend_pixel(const T* top, const T* bottom, const InterpolateTap& row, const InterpolateTap& column,
                 std::int64_t channels, T* y) {
  const T *a = top + column.first * channels, *b = top + column.second * channels;
  const T *c = bottom + column.first * channels, *d = bottom + column.second * channels;
  const double u = column.weight, v = row.weight;
  for (std::int64_t i = 0; i < channels; ++i) {
    const double upper = (1 - u) * static_cast<double>(a[i]) + u * static_cast<double>(b[i]);
    const double lower = (1 - u) * static_cast<double>(c[i]) + u * static_cast<double>(d[i]);
    y[i] = static_cast<T>((1 - v) * upper + v * lower);
  }
}

template <class T>
void interpolate_reference(const InterpolateArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t row_size = a.width * a.channels;
  for (std::int64_t r = begin; r < end; ++r) {
    const T* image = a.x + r / a.out_height * a.height * row_size;
    const InterpolateTap& row = a.rows[r % a.out_height];
    const T *top = image + row.first * row_size, *bottom = image + row.second * row_size;
    T* y = a.y + r * a.out_width * a.channels;
    for (std::int64_t j = 0; j < a.out_width; ++j, y += a.channels) {
      if (a.nearest)
        std::copy_n(top + a.columns[j].first * a.channels, a.channels, y);
      else if constexpr (is_floating<T>)
        blend_pixel(top, bottom, row, a.columns[j], a.channels, y);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
