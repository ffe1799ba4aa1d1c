// The reference padding. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/pad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void pad_reference(const PadArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t row = a.rows[r % a.out_height];
    const T* x = a.x + (r / a.out_height * a.height + row) * a.width * a.channels;
    T* y = a.y + r * a.out_width * a.channels;
    for (std::int64_t j = 0; j < a.out_width; ++j, y += a.channels) {
      if (row < 0 || a.columns[j] < 0)
        std::fill_n(y, a.channels, a.value);
      else
        std::copy_n(x + a.columns[j] * a.channels, a.channels, y);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
