// Elementary functions of each element: neg, abs, exp, square, sin, log, sqrt, rsqrt, reciprocal, pow, clamp; where and
// axpby. Layer ops; formulas and slopes in cpu/unary/reference.h.
//
// Floating types, any shape; computed in double and rounded once. Outside their domain they give NaN or infinity, as in
// C. Arithmetic of two operands is in arithmetic.h, activations are in activation.h.
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/unary/args.h>
#include <fovea/cpu/where/args.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/unary/table.h>
#  include <fovea/cpu/where/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// The way back keeps nothing for neg, the output of exp (its own slope), the input of the others.
template <class T>
requires is_floating<T> Tensor<T> unary(UnaryOp op, const Tensor<T>& x, double a = 0, double b = 0) {
  check_defined(name_of(op), "input", x);
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const UnaryArgs<T> args = {.op = op, .a = a, .b = b, .count = x.numel(), .x = x.data(), .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  const auto attributes = [&] {
    if (op == UnaryOp::pow) return Attributes{{"exponent", a}};
    return op == UnaryOp::clamp ? Attributes{{"min", a}, {"max", b}} : Attributes{};
  };
  return record(name_of(op), attributes, {x.id()}, y,
                [op, id = x.id(), a, b,
                 kept = saved_if(op != UnaryOp::neg && wanted(x), op == UnaryOp::exp ? y : x, "elementwise: value")](
                    Gradients& g, const Tensor<T>& dy) {
                  Tensor<T> dx(dy.shape(), uninitialized, dy.device());
                  const UnaryGradArgs<T> grad = {.op = op,
                                                 .a = a,
                                                 .b = b,
                                                 .count = dy.numel(),
                                                 .kept = kept ? kept.get().data() : nullptr,
                                                 .dy = dy.data(),
                                                 .dx = dx.mutable_data()};
                  choose(grad, dy.device()).run(grad);
                  g.add(id, dx);
                });
}
}  // namespace detail

template <class T>
Tensor<T> neg(const Tensor<T>& x) {
  return detail::unary(UnaryOp::neg, x);
}
// |x|; slope 0 at 0.
template <class T>
Tensor<T> abs(const Tensor<T>& x) {
  return detail::unary(UnaryOp::abs, x);
}
template <class T>
Tensor<T> exp(const Tensor<T>& x) {
  return detail::unary(UnaryOp::exp, x);
}
template <class T>
Tensor<T> square(const Tensor<T>& x) {
  return detail::unary(UnaryOp::square, x);
}
template <class T>
Tensor<T> sin(const Tensor<T>& x) {
  return detail::unary(UnaryOp::sin, x);
}
// The natural logarithm.
template <class T>
Tensor<T> log(const Tensor<T>& x) {
  return detail::unary(UnaryOp::log, x);
}
template <class T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return detail::unary(UnaryOp::sqrt, x);
}
// 1 / sqrt(x).
template <class T>
Tensor<T> rsqrt(const Tensor<T>& x) {
  return detail::unary(UnaryOp::rsqrt, x);
}
// 1 / x.
template <class T>
Tensor<T> reciprocal(const Tensor<T>& x) {
  return detail::unary(UnaryOp::reciprocal, x);
}
// x^exponent.
template <class T>
Tensor<T> pow(const Tensor<T>& x, double exponent) {
  return detail::unary(UnaryOp::pow, x, exponent);
}
// min(max(x, low), high); slope 1 at low and high. Errors: low above high.
template <class T>
Tensor<T> clamp(const Tensor<T>& x, double low, double high) {
  if (!(low <= high)) fail("clamp: low ", low, " is above high ", high);
  return detail::unary(UnaryOp::clamp, x, low, high);
}

namespace detail {
template <class T>
Tensor<T> where_values(const Tensor<std::uint8_t>& mask, const T* a, const T* b) {
  Tensor<T> y(mask.shape(), uninitialized, mask.device());
  const WhereArgs<T> args = {.count = mask.numel(), .mask = mask.data(), .a = a, .b = b, .y = y.mutable_data()};
  choose(args, mask.device()).run(args);
  return y;
}
}  // namespace detail

// mask ? a : b for each element (a mask of 0 is false); the three shapes broadcast. Keeps the mask.
template <class T>
Tensor<T> where(const Tensor<std::uint8_t>& mask, const Tensor<T>& a, const Tensor<T>& b) {
  detail::check_defined("where", "mask", mask);
  detail::check_defined("where", "the first operand", a);
  detail::check_defined("where", "the second operand", b);
  const Shape shape = broadcast_shapes("where", mask.shape(), broadcast_shapes("where", a.shape(), b.shape()));
  const Tensor<std::uint8_t> m = detail::broadcast_to(mask, shape);
  const Tensor<T> first = detail::broadcast_to(a, shape), second = detail::broadcast_to(b, shape);
  return record(
      "where", [] { return Attributes{}; }, {mask.id(), a.id(), b.id()},
      detail::where_values(m, first.data(), second.data()),
      [ai = a.id(), bi = b.id(), a_shape = a.shape(), b_shape = b.shape(),
       kept = Saved<std::uint8_t>(m, "where: mask")](Gradients& g, const Tensor<T>& dy) {
        if constexpr (is_floating<T>) {
          if (g.wants(ai)) g.add(ai, detail::sum_to(detail::where_values<T>(kept.get(), dy.data(), nullptr), a_shape));
          if (g.wants(bi)) g.add(bi, detail::sum_to(detail::where_values<T>(kept.get(), nullptr, dy.data()), b_shape));
        }
      });
}

// alpha a + beta b; the shapes broadcast. Keeps nothing.
template <class T>
requires is_floating<T> Tensor<T> axpby(double alpha, const Tensor<T>& a, double beta, const Tensor<T>& b) {
  return add(mul(a, alpha), mul(b, beta));
}

}  // namespace fovea::inline FOVEA_ABI
