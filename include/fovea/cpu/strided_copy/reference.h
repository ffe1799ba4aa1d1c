// The reference strided copy: one run along the last dimension after the other. Layer cpu.
#pragma once

#include <cstring>

#include <fovea/cpu/strided_copy/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void strided_copy_reference(const StridedCopyArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t n = a.row(), step = a.stride[static_cast<std::size_t>(a.rank - 1)];
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.x;
    std::int64_t rest = row;
    for (int d = a.rank - 2; d >= 0; --d) {
      const auto i = static_cast<std::size_t>(d);
      x += rest % a.size[i] * a.stride[i];
      rest /= a.size[i];
    }
    T* y = a.y + row * n;
    if (step == 1)
      std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
    else
      for (std::int64_t i = 0; i < n; ++i) y[i] = x[i * step];
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
