// The reference softmax, in double. Layer cpu.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/cpu/softmax/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// The maximum is subtracted first, so that the largest exponential is 1 and none overflows. A NaN, or plus infinity,
// makes all of its line of softmax NaN.
template <class T>
void softmax_reference(const SoftmaxArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    const auto x = [&](std::int64_t i) { return static_cast<double>(a.x[first + i * a.inner]); };
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t i = 0; i < a.length; ++i)
      if (x(i) > largest || x(i) != x(i)) largest = x(i);  // NaN stays: nothing is greater than it
    // Of infinite logits alone: no logarithm is taken of them.
    if (a.kind == SoftmaxKind::logsumexp && std::isinf(largest)) {
      a.y[line] = static_cast<T>(largest);
      continue;
    }
    for (std::int64_t i = 0; i < a.length; ++i) sum += std::exp(x(i) - largest);
    const double log_sum = std::log(sum);
    if (a.kind == SoftmaxKind::logsumexp) {
      a.y[line] = static_cast<T>(largest + log_sum);
      continue;
    }
    T* y = a.y + first;
    for (std::int64_t i = 0; i < a.length; ++i) {
      const double v = x(i) - largest;
      y[i * a.inner] = static_cast<T>(a.kind == SoftmaxKind::softmax ? std::exp(v) / sum : v - log_sum);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
