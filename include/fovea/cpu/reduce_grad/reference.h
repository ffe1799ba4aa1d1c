// The reference gradient of reductions, in double. Layer cpu.
#pragma once

#include <fovea/cpu/reduce_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void reduce_grad_reference(const ReduceGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t n = a.row(), step = a.stride[static_cast<std::size_t>(a.rank - 1)];
  for (std::int64_t row = begin; row < end; ++row) {
    std::int64_t o = 0, rest = row;
    for (auto d = static_cast<std::size_t>(a.rank - 1); d-- > 0; rest /= a.size[d]) o += rest % a.size[d] * a.stride[d];
    for (std::int64_t i = 0; i < n; ++i, o += step) {
      const double x = static_cast<double>(a.x[row * n + i]) - (a.centre ? a.centre[o] : 0);
      const double slope = !a.sign ? x : x < 0 ? -1 : x > 0 ? 1 : 0;
      a.dx[row * n + i] = static_cast<T>(a.scale[o] * slope);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
