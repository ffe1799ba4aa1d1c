// add, sub, mul, div, maximum, minimum of two tensors with NumPy's broadcasting, or of a tensor and a number. Layer
// ops.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/core/record.h>
#include <fovea/cpu/binary/args.h>
#include <fovea/cpu/binary_grad/args.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/binary/table.h>
#  include <fovea/cpu/binary_grad/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// Sizes and strides with neighbouring dimensions merged where both operands step on evenly; sizes of 1 vanish.
template <class T>
void set_broadcast(BinaryArgs<T>& k, const Shape& a, const Shape& b, const Shape& y) {
  const auto sa = broadcast_strides(a, y), sb = broadcast_strides(b, y);
  std::size_t n = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(y.rank()); ++i) {
    const std::int64_t size = y[static_cast<int>(i)];
    if (size == 1) continue;
    if (n > 0 && k.stride_a[n - 1] == sa[i] * size && k.stride_b[n - 1] == sb[i] * size) {
      k.size[n - 1] *= size;
      k.stride_a[n - 1] = sa[i], k.stride_b[n - 1] = sb[i];
    } else {
      k.size[n] = size, k.stride_a[n] = sa[i], k.stride_b[n] = sb[i];
      ++n;
    }
  }
  if (n == 0) k.size[n++] = 1;
  k.rank = static_cast<int>(n);
}

template <class T>
Tensor<T> binary(BinaryOp op, const Tensor<T>& a, const Tensor<T>& b) {
  check_defined(name_of(op), "the first operand", a);
  check_defined(name_of(op), "the second operand", b);
  const Shape shape = broadcast_shapes(name_of(op), a.shape(), b.shape());
  Tensor<T> y(shape, uninitialized, a.device());
  BinaryArgs<T> args = {.op = op, .a = a.data(), .b = b.data(), .y = y.mutable_data()};
  set_broadcast(args, a.shape(), b.shape(), shape);
  choose(args, a.device()).run(args);
  return y;
}

// a op number, and number op b, unrecorded.
template <class T>
Tensor<T> times(const Tensor<T>& a, double factor) {
  return factor == 1 ? a : binary(BinaryOp::mul, a, Tensor<T>(Shape{}, static_cast<T>(factor)));
}

// dy * (slope of a op b in the first or the second operand), of y's shape.
template <class T>
Tensor<T> binary_gradient(BinaryOp op, const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& dy, bool of_second) {
  Tensor<T> dx(dy.shape(), uninitialized, dy.device());
  BinaryGradArgs<T> args = {
      .in = {.op = op, .a = a.data(), .b = b.data()}, .of_second = of_second, .dy = dy.data(), .dx = dx.mutable_data()};
  set_broadcast(args.in, a.shape(), b.shape(), dy.shape());
  choose(args, dy.device()).run(args);
  return dx;
}

// The gradient of one operand before the repeated dimensions are summed; of sub without its sign.
template <class T>
Tensor<T> binary_term(BinaryOp op, const Saved<T>& a, const Saved<T>& b, const Tensor<T>& dy, bool of_second) {
  if (op == BinaryOp::add || op == BinaryOp::sub) return dy;
  if (op == BinaryOp::mul) return binary(op, dy, (of_second ? a : b).get());
  if (op == BinaryOp::div && !of_second) return binary(op, dy, b.get());
  return binary_gradient(op, a.get(), b.get(), dy, of_second);
}

// Keeps what the slopes read: nothing for add and sub; the other operand for mul; b, and for db also a, for div.
template <class T>
Tensor<T> binary_recorded(BinaryOp op, const Tensor<T>& a, const Tensor<T>& b) {
  const auto no_attributes = [] { return Attributes{}; };
  const Tensor<T> y = binary(op, a, b);
  if constexpr (!is_floating<T>) {
    return record(name_of(op), no_attributes, {a.id(), b.id()}, y);
  } else {
    const bool linear = op == BinaryOp::add || op == BinaryOp::sub, extreme = op > BinaryOp::div;
    const bool keep_a = !linear && (wanted(b) || (extreme && wanted(a)));
    const bool keep_b = !linear && (wanted(a) || (op != BinaryOp::mul && wanted(b)));
    return record(name_of(op), no_attributes, {a.id(), b.id()}, y,
                  [op, ai = a.id(), bi = b.id(), a_shape = a.shape(), b_shape = b.shape(),
                   a_kept = saved_if(keep_a, a, "arithmetic: first operand"),
                   b_kept = saved_if(keep_b, b, "arithmetic: second operand")](Gradients& g, const Tensor<T>& dy) {
                    if (g.wants(ai)) g.add(ai, sum_to(binary_term(op, a_kept, b_kept, dy, false), a_shape));
                    if (!g.wants(bi)) return;
                    const Tensor<T> db = sum_to(binary_term(op, a_kept, b_kept, dy, true), b_shape);
                    g.add(bi, op == BinaryOp::sub ? times(db, -1) : db);
                  });
  }
}

// The number as a tensor of one element, which broadcasts; one that T cannot hold is an error for integers.
template <class T>
Tensor<T> scalar_tensor(BinaryOp op, double value) {
  if constexpr (!is_floating<T>) {
    // max is rounded up to 2^63 for int64, so the upper bound is open there
    constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (std::trunc(value) != value || value < low || value > high || (sizeof(T) == 8 && value == high))
      fail(name_of(op), ": number ", value, " is not a value of ", dtype_of<T>);
  }
  return Tensor<T>(Shape{}, static_cast<T>(value));
}
template <class T>
Tensor<T> binary_scalar(BinaryOp op, const Tensor<T>& a, double b) {
  const Tensor<T> number = scalar_tensor<T>(op, b), y = binary(op, a, number);
  const auto attributes = [&] { return Attributes{{"scalar", b}}; };
  if constexpr (!is_floating<T>)
    return record(name_of(op), attributes, {a.id()}, y);
  else
    return record(name_of(op), attributes, {a.id()}, y,
                  [op, id = a.id(), number = op < BinaryOp::mul ? Tensor<T>() : number](
                      Gradients& g, const Tensor<T>& dy) { g.add(id, number ? binary(op, dy, number) : dy); });
}
template <class T>
Tensor<T> scalar_binary(BinaryOp op, double a, const Tensor<T>& b) {
  const Tensor<T> number = scalar_tensor<T>(op, a), y = binary(op, number, b);
  const auto attributes = [&] { return Attributes{{"scalar", a}, {"scalar_first", std::int64_t{1}}}; };
  if constexpr (!is_floating<T>)
    return record(name_of(op), attributes, {b.id()}, y);
  else
    return record(
        name_of(op), attributes, {b.id()}, y,
        [op, id = b.id(), number = op < BinaryOp::mul ? Tensor<T>() : number,
         kept = saved_if(op == BinaryOp::div && wanted(b), b, "div: operand")](Gradients& g, const Tensor<T>& dy) {
          if (op == BinaryOp::div) return g.add(id, binary_gradient(op, number, kept.get(), dy, true));
          g.add(id, op == BinaryOp::add ? dy : op == BinaryOp::sub ? times(dy, -1) : binary(op, number, dy));
        });
}
}  // namespace detail

// y = a op b, element by element. Two tensors of one type whose shapes broadcast, or a tensor and a number, which is
// rounded to the tensor's type first. Integers wrap around and have no div.
// Errors: shapes that do not broadcast; a number that the integer type cannot hold.
template <class T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::add, a, b);
}
template <class T>
Tensor<T> sub(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::sub, a, b);
}
template <class T>
Tensor<T> mul(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::mul, a, b);
}
template <class T>
requires is_floating<T> Tensor<T> div(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::div, a, b);
}
// The larger and the smaller of two elements; a NaN wins. At a tie each operand gets half of the gradient.
template <class T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::maximum, a, b);
}
template <class T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::binary_recorded(BinaryOp::minimum, a, b);
}

template <class T>
Tensor<T> add(const Tensor<T>& a, double b) {
  return detail::binary_scalar(BinaryOp::add, a, b);
}
template <class T>
Tensor<T> sub(const Tensor<T>& a, double b) {
  return detail::binary_scalar(BinaryOp::sub, a, b);
}
template <class T>
Tensor<T> mul(const Tensor<T>& a, double b) {
  return detail::binary_scalar(BinaryOp::mul, a, b);
}
template <class T>
requires is_floating<T> Tensor<T> div(const Tensor<T>& a, double b) {
  return detail::binary_scalar(BinaryOp::div, a, b);
}

template <class T>
Tensor<T> add(double a, const Tensor<T>& b) {
  return detail::scalar_binary(BinaryOp::add, a, b);
}
template <class T>
Tensor<T> sub(double a, const Tensor<T>& b) {
  return detail::scalar_binary(BinaryOp::sub, a, b);
}
template <class T>
Tensor<T> mul(double a, const Tensor<T>& b) {
  return detail::scalar_binary(BinaryOp::mul, a, b);
}
template <class T>
requires is_floating<T> Tensor<T> div(double a, const Tensor<T>& b) {
  return detail::scalar_binary(BinaryOp::div, a, b);
}

}  // namespace fovea::inline FOVEA_ABI
