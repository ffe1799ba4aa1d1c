// slice, permute, flip: the elements of a tensor in another order. Layer ops.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/strided_copy/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/strided_copy/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// Elements between neighbours of each dimension of a contiguous tensor.
inline std::array<std::int64_t, Shape::kMaxRank> contiguous_strides(const Shape& s) {
  std::array<std::int64_t, Shape::kMaxRank> stride{};
  std::int64_t step = 1;
  for (int d = s.rank() - 1; d >= 0; --d) {
    stride[static_cast<std::size_t>(d)] = step;
    step *= s[d];
  }
  return stride;
}

// A tensor of shape `shape` whose element (i0, i1, ...) is x[first + i0 * stride0 + ...].
template <class T>
Tensor<T> strided_copy(const Tensor<T>& x, const Shape& shape, std::int64_t first,
                       const std::array<std::int64_t, Shape::kMaxRank>& stride) {
  Tensor<T> y(shape, uninitialized, x.device());
  if (y.numel() == 0) return y;
  StridedCopyArgs<T> args = {.rank = shape.rank(), .stride = stride, .x = x.data() + first, .y = y.mutable_data()};
  for (int d = 0; d < shape.rank(); ++d) args.size[static_cast<std::size_t>(d)] = shape[d];
  if (args.rank == 0) args.rank = 1, args.size[0] = 1;
  choose(args, x.device()).run(args);
  return y;
}

template <class T>
Tensor<T> slice_values(const Tensor<T>& x, int d, std::int64_t begin, std::int64_t end, std::int64_t step) {
  auto stride = contiguous_strides(x.shape());
  const std::int64_t first = begin * stride[static_cast<std::size_t>(d)];
  stride[static_cast<std::size_t>(d)] *= step;
  return strided_copy(x, x.shape().with(d, (end - begin + step - 1) / step), first, stride);
}

// dx of a slice: dy's elements at begin, begin + step, ... of dimension d, zeros elsewhere.
template <class T>
Tensor<T> slice_gradient(const Tensor<T>& dy, const Shape& shape, int d, std::int64_t begin, std::int64_t step) {
  Tensor<T> dx(shape);
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < shape.rank(); ++i) (i < d ? outer : inner) *= i == d ? 1 : shape[i];
  const std::int64_t count = dy.size(d), size = shape[d];
  const T* from = dy.data();
  T* to = dx.mutable_data();
  parallel_for(outer * count, cpu::grain_of(inner), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      std::memcpy(to + (i / count * size + begin + i % count * step) * inner, from + i * inner,
                  static_cast<std::size_t>(inner) * sizeof(T));
  });
  return dx;
}
}  // namespace detail

// Elements begin, begin + step, ... below end of dimension `axis`; the others stay whole. Negative begin and end count
// from the last. Errors: a step below 1; a range outside the dimension.
template <class T>
Tensor<T> slice(const Tensor<T>& x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1) {
  detail::check_defined("slice", "input", x);
  const int d = detail::check_axis("slice", x.shape(), axis);
  const std::int64_t size = x.size(d), b = begin < 0 ? begin + size : begin, e = end < 0 ? end + size : end;
  if (step < 1 || b < 0 || e < b || e > size)
    fail("slice: [", begin, ", ", end, ") by ", step, " of dimension ", axis, " of input ", x.shape(),
         "; a range within [0, ", size, ") by 1 or more is wanted");
  return record(
      "slice",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}, {"begin", begin}, {"end", end}, {"step", step}};
      },
      {x.id()}, detail::slice_values(x, d, b, e, step),
      [id = x.id(), shape = x.shape(), d, b, step](Gradients& g, const Tensor<T>& dy) {
        g.add(id, detail::slice_gradient(dy, shape, d, b, step));
      });
}

namespace detail {
template <class T>
Tensor<T> permute_values(const Tensor<T>& x, std::span<const int> order) {
  const auto from = contiguous_strides(x.shape());
  std::array<std::int64_t, Shape::kMaxRank> size{}, stride{};
  for (std::size_t i = 0; i < order.size(); ++i) {
    size[i] = x.size(order[i]);
    stride[i] = from[static_cast<std::size_t>(order[i])];
  }
  return strided_copy(x, Shape(std::span<const std::int64_t>(size.data(), order.size())), 0, stride);
}
}  // namespace detail

// Dimension i of the result is dimension order[i] of x. Errors: an order that is not each dimension once.
template <class T>
Tensor<T> permute(const Tensor<T>& x, std::initializer_list<int> order) {
  detail::check_defined("permute", "input", x);
  std::vector<int> inverse(static_cast<std::size_t>(x.rank()), -1), forward;
  for (const int d : order) {
    const int k = detail::check_axis("permute", x.shape(), d);
    inverse[static_cast<std::size_t>(k)] = static_cast<int>(forward.size());
    forward.push_back(k);
  }
  if (static_cast<int>(forward.size()) != x.rank() || std::find(inverse.begin(), inverse.end(), -1) != inverse.end())
    fail("permute: the order of ", forward.size(), " dimensions is not each dimension of input ", x.shape(), " once");
  return record(
      "permute",
      [&] {
        return Attributes{{"order", std::vector<std::int64_t>(forward.begin(), forward.end())}};
      },
      {x.id()}, detail::permute_values(x, forward),
      [id = x.id(), inverse](Gradients& g, const Tensor<T>& dy) { g.add(id, detail::permute_values(dy, inverse)); });
}

// Dimension `axis` in reverse order.
template <class T>
Tensor<T> flip(const Tensor<T>& x, int axis) {
  detail::check_defined("flip", "input", x);
  const int d = detail::check_axis("flip", x.shape(), axis);
  const auto reversed = [d](const Tensor<T>& t) {
    auto stride = detail::contiguous_strides(t.shape());
    std::int64_t& s = stride[static_cast<std::size_t>(d)];
    const std::int64_t first = (t.size(d) - 1) * s;
    s = -s;
    return detail::strided_copy(t, t.shape(), first, stride);
  };
  return record(
      "flip",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}};
      },
      {x.id()}, reversed(x), [id = x.id(), reversed](Gradients& g, const Tensor<T>& dy) { g.add(id, reversed(dy)); });
}

}  // namespace fovea::inline FOVEA_ABI
