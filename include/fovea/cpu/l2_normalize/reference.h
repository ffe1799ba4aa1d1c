// The reference of l2_normalize and its gradient, in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/l2_normalize/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// y = x / max(|x|, eps) along each line.
template <class T>
void l2_normalize_reference(const L2NormalizeArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    const std::int64_t last = first + a.length * a.inner;
    double squares = 0;
    for (std::int64_t i = first; i < last; i += a.inner) {
      const auto v = static_cast<double>(a.x[i]);
      squares += v * v;
    }
    const double norm = std::sqrt(squares), divisor = norm < a.eps ? a.eps : norm;
    for (std::int64_t i = first; i < last; i += a.inner) a.y[i] = static_cast<T>(static_cast<double>(a.x[i]) / divisor);
  }
}

// dx = (dy - x sum(x dy) / |x|^2) / |x|, and dy / eps where |x| < eps.
template <class T>
void l2_normalize_grad_reference(const L2NormalizeGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t first = line / a.inner * a.length * a.inner + line % a.inner;
    const std::int64_t last = first + a.length * a.inner;
    double squares = 0, dot = 0;
    for (std::int64_t i = first; i < last; i += a.inner) {
      const auto v = static_cast<double>(a.x[i]);
      squares += v * v, dot += v * static_cast<double>(a.dy[i]);
    }
    const double norm = std::sqrt(squares);
    const bool clamped = norm < a.eps;
    const double divisor = clamped ? a.eps : norm, slope = clamped ? 0 : dot / squares;
    for (std::int64_t i = first; i < last; i += a.inner)
      a.dx[i] = static_cast<T>((static_cast<double>(a.dy[i]) - static_cast<double>(a.x[i]) * slope) / divisor);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
