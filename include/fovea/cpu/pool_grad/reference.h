// The reference gradients of the pools: plain loops, sums in double in the order of the windows. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/pool_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Channel c of input pixel (h, w) of image n: the sum over its windows (i, j) of dy where it was the maximum, or of dy
// / divisor. Each pixel gathers, so that no two threads write one.
template <class T>
double gathered_gradient(const PoolGradArgs<T>& a, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  double sum = 0;
  for (std::int64_t i = a.row_windows[h].begin; i < a.row_windows[h].end; ++i) {
    for (std::int64_t j = a.column_windows[w].begin; j < a.column_windows[w].end; ++j) {
      if (!a.row_meets(h, i) || !a.column_meets(w, j)) continue;
      const std::int64_t at = ((n * a.out_height + i) * a.out_width + j) * a.channels + c;
      if (a.kind == PoolKind::average)
        sum += static_cast<double>(a.dy[at]) / static_cast<double>(a.divisor_of(i, j));
      else if (a.index[at] == h * a.width + w)
        sum += static_cast<double>(a.dy[at]);
    }
  }
  return sum;
}

template <class T>
void pool_grad_reference(const PoolGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row)
    for (std::int64_t w = 0; w < a.width; ++w)
      for (std::int64_t c = 0; c < a.channels; ++c)
        a.dx[(row * a.width + w) * a.channels + c] =
            static_cast<T>(gathered_gradient(a, row / a.height, row % a.height, w, c));
}

}  // namespace fovea::inline FOVEA_ABI::cpu
