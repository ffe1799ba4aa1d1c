// The reference padding. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/pad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void pad_reference(const PadArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t row = a.rows[r % a.out_height];
    const T* image = a.x + r / a.out_height * a.height * a.width * a.channels;
    T* y = a.y + r * a.out_width * a.channels;
    for (std::int64_t j = 0; j < a.out_width; ++j, y += a.channels) {
      const std::int64_t column = a.columns[j];
      if (row < 0 || column < 0)
        std::fill_n(y, a.channels, a.value);
      else
        std::copy_n(image + (row * a.width + column) * a.channels, a.channels, y);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
