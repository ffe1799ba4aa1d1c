// Broadcasting as NumPy defines it, and its way back: sums over the repeated dimensions. Layer ops.
#pragma once

#include <algorithm>
#include <array>

#include <fovea/core/record.h>
#include <fovea/cpu/reduce/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/slice.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/reduce/table.h>
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

// The elements of x under another shape of as many, as a value that nobody records.
template <class T>
Tensor<T> with_shape(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return Tensor<T>(shape, x.shared_storage(), x.data() - reinterpret_cast<const T*>(x.storage().data()));
}

// x repeated to `shape`, which it broadcasts to; x itself if that is its shape.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : strided_copy(x, shape, 0, broadcast_strides(x.shape(), shape));
}

// The dimensions of `from` (contiguous) that `to`, which broadcasts to it, keeps, and those in which it is repeated.
struct ReduceDims {
  StridedDims kept, reduced;
  ReduceDims(const Shape& from, const Shape& to) {
    const auto stride = contiguous_strides(from);
    for (int d = 0; d < from.rank(); ++d) {
      const int i = d - from.rank() + to.rank();  // of `to`
      (i >= 0 && to[i] == from[d] ? kept : reduced).add(from[d], stride[static_cast<std::size_t>(d)]);
    }
    kept.finish(), reduced.finish();
  }
};

// The sums of t over the dimensions in which `shape` is repeated to t's, in double: what broadcasting does to a
// gradient. t itself if it has that shape.
template <class T>
Tensor<T> sum_to(const Tensor<T>& t, const Shape& shape) {
  if (t.shape() == shape) return t;
  const ReduceDims dims(t.shape(), shape);
  Tensor<T> y(shape, uninitialized, t.device());
  const ReduceArgs<T> args = {.kept = dims.kept, .reduced = dims.reduced, .x = t.data(), .y = y.mutable_data()};
  choose(args, t.device()).run(args);
  return y;
}
}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
