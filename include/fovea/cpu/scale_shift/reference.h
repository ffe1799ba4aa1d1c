// The reference scale and shift: plain loops in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/scale_shift/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void scale_shift_reference(const ScaleShiftArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t p = begin; p < end; ++p) {
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const std::int64_t i = p * a.channels + c;
      a.y[i] = static_cast<T>(static_cast<double>(a.x[i]) * static_cast<double>(a.scale[c]) +
                              static_cast<double>(a.shift[c]));
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
