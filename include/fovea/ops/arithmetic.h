// add, sub, mul, div of two tensors with NumPy's broadcasting, or of a tensor and a number. Layer ops.
#pragma once

#include <cmath>
#include <limits>

#include <fovea/core/record.h>
#include <fovea/cpu/binary/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/binary/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// The shape that a and b broadcast to: aligned at the last dimension, a size of 1 (or a missing one) is repeated.
inline Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, Shape::kMaxRank> size{};
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t p = i <= a.rank() ? a[-i] : 1, q = i <= b.rank() ? b[-i] : 1;
    if (p != q && p != 1 && q != 1)
      fail(op, ": shapes ", a, " and ", b, " do not broadcast: sizes ", p, " and ", q, " of dimension ", -i,
           " must be equal or 1");
    size[static_cast<std::size_t>(rank - i)] = p == 1 ? q : p;
  }
  return Shape(std::span<const std::int64_t>(size.data(), static_cast<std::size_t>(rank)));
}

namespace detail {
// Strides of a contiguous tensor of shape `s` seen as `out`: 0 in every repeated dimension.
inline std::array<std::int64_t, Shape::kMaxRank> broadcast_strides(const Shape& s, const Shape& out) {
  std::array<std::int64_t, Shape::kMaxRank> stride{};
  std::int64_t step = 1;
  for (int i = 1; i <= s.rank(); ++i) {
    stride[static_cast<std::size_t>(out.rank() - i)] = s[-i] == 1 ? 0 : step;
    step *= s[-i];
  }
  return stride;
}

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

template <class T>
Tensor<T> binary_recorded(BinaryOp op, const Tensor<T>& a, const Tensor<T>& b) {
  return record(
      name_of(op), [] { return Attributes{}; }, {a.id(), b.id()}, binary(op, a, b));
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
  return record(
      name_of(op),
      [&] {
        return Attributes{{"scalar", b}};
      },
      {a.id()}, binary(op, a, scalar_tensor<T>(op, b)));
}
template <class T>
Tensor<T> scalar_binary(BinaryOp op, double a, const Tensor<T>& b) {
  const auto attributes = [&] { return Attributes{{"scalar", a}, {"scalar_first", std::int64_t{1}}}; };
  return record(name_of(op), attributes, {b.id()}, binary(op, scalar_tensor<T>(op, a), b));
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
