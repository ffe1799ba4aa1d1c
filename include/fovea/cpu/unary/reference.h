// The reference elementary functions and their slopes, in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/unary/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

inline double unary_value(UnaryOp op, double x, double a, double b) {
  switch (op) {
    case UnaryOp::neg:
      return -x;
    case UnaryOp::abs:
      return std::abs(x);
    case UnaryOp::exp:
      return std::exp(x);
    case UnaryOp::square:
      return x * x;
    case UnaryOp::sin:
      return std::sin(x);
    case UnaryOp::log:
      return std::log(x);
    case UnaryOp::sqrt:
      return std::sqrt(x);
    case UnaryOp::rsqrt:
      return 1 / std::sqrt(x);
    case UnaryOp::reciprocal:
      return 1 / x;
    case UnaryOp::pow:
      return std::pow(x, a);
    case UnaryOp::clamp:
      break;
  }
  return x < a ? a : x > b ? b : x;  // NaN stays NaN
}

// f'(x); v is x, and the value of exp. At the kinks: abs 0, clamp 1 (PyTorch's choices).
inline double unary_slope(UnaryOp op, double v, double a, double b) {
  switch (op) {
    case UnaryOp::neg:
      return -1;
    case UnaryOp::abs:
      return v < 0 ? -1 : v > 0 ? 1 : 0;
    case UnaryOp::exp:
      return v;
    case UnaryOp::square:
      return 2 * v;
    case UnaryOp::sin:
      return std::cos(v);
    case UnaryOp::log:
      return 1 / v;
    case UnaryOp::sqrt:
      return 0.5 / std::sqrt(v);
    case UnaryOp::rsqrt:
      return -0.5 / (v * std::sqrt(v));
    case UnaryOp::reciprocal:
      return -1 / (v * v);
    case UnaryOp::pow:
      return a == 0 ? 0 : a * std::pow(v, a - 1);
    case UnaryOp::clamp:
      break;
  }
  return v < a || v > b ? 0 : 1;
}

template <class T>
void unary_reference(const UnaryArgs<T>& u, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i)
    u.y[i] = static_cast<T>(unary_value(u.op, static_cast<double>(u.x[i]), u.a, u.b));
}
template <class T>
void unary_grad_reference(const UnaryGradArgs<T>& u, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const double v = u.kept ? static_cast<double>(u.kept[i]) : 0;
    u.dx[i] = static_cast<T>(static_cast<double>(u.dy[i]) * unary_slope(u.op, v, u.a, u.b));
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
