// The reference gradients of the softmax family, in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/softmax_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Along each line: softmax dx = y (dy - sum(y dy)); log_softmax dx = dy - exp(y) sum(dy); logsumexp dx = exp(x - y) dy.
template <class T>
void softmax_grad_reference(const SoftmaxGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const auto at = [](const T* p, std::int64_t i) { return static_cast<double>(p[i]); };
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    const std::int64_t last = first + a.length * a.inner;
    double sum = 0;
    if (a.kind != SoftmaxKind::logsumexp)
      for (std::int64_t i = first; i < last; i += a.inner)
        sum += a.kind == SoftmaxKind::softmax ? at(a.y, i) * at(a.dy, i) : at(a.dy, i);
    for (std::int64_t i = first; i < last; i += a.inner) {
      if (a.kind == SoftmaxKind::softmax)
        a.dx[i] = static_cast<T>(at(a.y, i) * (at(a.dy, i) - sum));
      else if (a.kind == SoftmaxKind::log_softmax)
        a.dx[i] = static_cast<T>(at(a.dy, i) - std::exp(at(a.y, i)) * sum);
      else
        a.dx[i] = static_cast<T>(std::exp(at(a.x, i) - at(a.y, line)) * at(a.dy, line));
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
