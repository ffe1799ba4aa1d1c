// The reference softmax, in double. Layer cpu.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/cpu/softmax/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// The maximum is subtracted first, so that the largest exponential is 1 and none overflows. A NaN, or plus infinity,
// makes all of its line NaN.
template <class T>
void softmax_reference(const SoftmaxArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    const T* x = a.x + first;
    T* y = a.y + first;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t i = 0; i < a.length; ++i) {
      const double v = static_cast<double>(x[i * a.inner]);
      if (v > largest) largest = v;
    }
    for (std::int64_t i = 0; i < a.length; ++i) sum += std::exp(static_cast<double>(x[i * a.inner]) - largest);
    for (std::int64_t i = 0; i < a.length; ++i)
      y[i * a.inner] = static_cast<T>(std::exp(static_cast<double>(x[i * a.inner]) - largest) / sum);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
