// The reference generalised mean (Radenovic et al. 2018) and its gradient, in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/gem_pool/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// y = mean(max(x, eps)^p)^(1/p), for outputs [begin, end).
template <class T>
void gem_pool_reference(const GemPoolArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const T* x = a.x + i / a.channels * a.pixels * a.channels + i % a.channels;
    double sum = 0;
    for (std::int64_t q = 0; q < a.pixels; ++q) {
      const auto v = static_cast<double>(x[q * a.channels]);
      sum += std::pow(v < a.eps ? a.eps : v, a.p);
    }
    a.y[i] = static_cast<T>(std::pow(sum / static_cast<double>(a.pixels), 1 / a.p));
  }
}

// dx = dy y^(1 - p) x^(p - 1) / pixels where x was not clamped, for pixels [begin, end) of all images.
template <class T>
void gem_pool_grad_reference(const GemPoolGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t q = begin; q < end; ++q) {
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const std::int64_t at = q * a.channels + c, out = q / a.pixels * a.channels + c;
      const auto v = static_cast<double>(a.x[at]), y = static_cast<double>(a.y[out]);
      const double slope = v < a.eps ? 0 : std::pow(v / y, a.p - 1) / static_cast<double>(a.pixels);
      a.dx[at] = static_cast<T>(static_cast<double>(a.dy[out]) * slope);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
