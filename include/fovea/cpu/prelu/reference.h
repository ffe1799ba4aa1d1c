// The reference prelu (He et al. 2015, eq. 1) and its gradients, sums in double in the order of the pixels. Layer cpu.
#pragma once

#include <vector>

#include <fovea/cpu/prelu/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void prelu_reference(const PreluArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t p = begin; p < end; ++p) {
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const auto v = static_cast<double>(a.x[p * a.channels + c]);
      const auto w = static_cast<double>(a.weight[c * a.weight_step]);
      a.y[p * a.channels + c] = static_cast<T>(v > 0 ? v : w * v);
    }
  }
}

// dx = x > 0 ? dy : weight dy; dweight(c) = sum over the pixels of x > 0 ? 0 : x dy. Channels [begin, end).
template <class T>
void prelu_grad_reference(const PreluGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  std::vector<double> sum(static_cast<std::size_t>(end - begin));
  for (std::int64_t p = 0; p < a.pixels; ++p) {
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t i = p * a.channels + c;
      const auto v = static_cast<double>(a.x[i]), dy = static_cast<double>(a.dy[i]);
      if (a.dx) a.dx[i] = static_cast<T>(v > 0 ? dy : static_cast<double>(a.weight[c * a.weight_step]) * dy);
      if (!(v > 0)) sum[static_cast<std::size_t>(c - begin)] += v * dy;
    }
  }
  for (std::int64_t c = begin; a.dweight && c < end; ++c)
    a.dweight[c] = static_cast<master_t<T>>(sum[static_cast<std::size_t>(c - begin)]);
}

}  // namespace fovea::inline FOVEA_ABI::cpu
