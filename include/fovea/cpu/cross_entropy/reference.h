// The reference cross entropy, in double. Layer cpu.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/cpu/cross_entropy/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// w(c) q(c), what -log p(c) counts in the loss of `row`.
template <class T>
double cross_entropy_share(const CrossEntropyRows<T>& a, std::int64_t row, std::int64_t c) {
  const double t = a.labels ? (a.labels[row] == c ? 1.0 : 0.0) : static_cast<double>(a.soft[row * a.classes + c]);
  const double q = (1 - a.smoothing) * t + a.smoothing / static_cast<double>(a.classes);
  return a.weight ? static_cast<double>(a.weight[c]) * q : q;
}

// log(sum of exp(x)) relative to the maximum, so that no logit is too large.
template <class T>
double cross_entropy_log_sum(const T* x, std::int64_t n) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t c = 0; c < n; ++c) {
    const double v = static_cast<double>(x[c]);
    if (v > largest) largest = v;
  }
  for (std::int64_t c = 0; c < n; ++c) sum += std::exp(static_cast<double>(x[c]) - largest);
  return largest + std::log(sum);
}

template <class T>
void cross_entropy_reference(const CrossEntropyArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const CrossEntropyRows<T>& in = a.in;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = in.x + row * in.classes;
    const bool ignored = in.labels && in.labels[row] == in.ignore_index;
    const double log_sum = ignored || in.log_probabilities ? 0 : cross_entropy_log_sum(x, in.classes);
    if (a.log_sum) a.log_sum[row] = log_sum;
    double loss = 0;
    // A hard label reads one class; the others would add 0 times what may be infinite.
    const bool single = in.labels && in.smoothing == 0;
    const std::int64_t first = single ? in.labels[row] : 0, last = single ? first + 1 : in.classes;
    for (std::int64_t c = first; c < last && !ignored; ++c)
      loss += cross_entropy_share(in, row, c) * (log_sum - static_cast<double>(x[c]));
    a.loss[row] = loss;
  }
}

// dx(c) = dy (p(c) sum(w q) - w(c) q(c)); of log p: -dy w(c) q(c).
template <class T>
void cross_entropy_grad_reference(const CrossEntropyGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const CrossEntropyRows<T>& in = a.in;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = in.x + row * in.classes;
    T* dx = a.dx + row * in.classes;
    const bool ignored = in.labels && in.labels[row] == in.ignore_index;
    const double dy = ignored ? 0 : static_cast<double>(a.dy[row * a.dy_step]) * a.scale;
    double total = 0;
    for (std::int64_t c = 0; c < in.classes; ++c) total += cross_entropy_share(in, row, c);
    for (std::int64_t c = 0; c < in.classes; ++c) {
      const double p = ignored || in.log_probabilities ? 0 : std::exp(static_cast<double>(x[c]) - a.log_sum[row]);
      dx[c] = ignored ? T(0) : static_cast<T>(dy * (p * total - cross_entropy_share(in, row, c)));
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
