// The reference cumulative sum, in acc_t<T>. Layer cpu.
#pragma once

#include <fovea/cpu/cumsum/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void cumsum_reference(const CumsumArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    acc_t<T> sum = 0;
    for (std::int64_t i = 0; i < a.length; ++i) {
      const std::int64_t at = first + (a.reverse ? a.length - 1 - i : i) * a.inner;
      sum += static_cast<acc_t<T>>(a.x[at]);
      a.y[at] = static_cast<T>(sum);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
