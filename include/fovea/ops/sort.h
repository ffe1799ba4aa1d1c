// argmax, argmin, topk, sort, cumsum: order and running sums along one dimension. Layer ops.
//
// `axis` is counted from the last if negative. NaN counts as the largest value. Places are int64, along the axis.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/arg_reduce/args.h>
#include <fovea/cpu/cumsum/args.h>
#include <fovea/cpu/sort/args.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/arg_reduce/table.h>
#  include <fovea/cpu/cumsum/table.h>
#  include <fovea/cpu/sort/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// Elements in order, and where they were.
template <class T>
struct Sorted {
  Tensor<T> values;
  Tensor<std::int64_t> indices;
};

namespace detail {
// A shape as three dimensions: before, along and behind dimension d.
struct Lines {
  std::int64_t outer = 1, length, inner = 1;
  Lines(const Shape& s, int d) : length(s[d]) {
    for (int i = 0; i < s.rank(); ++i) (i < d ? outer : inner) *= i == d ? 1 : s[i];
  }
};

template <class T>
Tensor<std::int64_t> extreme_place(const char* op, bool smallest, const Tensor<T>& x, int axis, bool keepdim) {
  check_defined(op, "input", x);
  const int d = check_axis(op, x.shape(), axis);
  if (x.size(d) == 0) fail(op, ": input ", x.shape(), " has nothing to choose from along axis ", axis);
  const Shape kept = x.shape().with(d, 1);
  const ReduceDims dims(x.shape(), kept);
  Tensor<std::int64_t> y(kept, uninitialized, x.device());
  const ArgReduceArgs<T> args = {
      .smallest = smallest, .kept = dims.kept, .reduced = dims.reduced, .x = x.data(), .index = y.mutable_data()};
  choose(args, x.device()).run(args);
  const Lines lines(x.shape(), d);
  for (std::int64_t& i : y.mutable_values()) i = i / lines.inner % lines.length;
  const auto attributes = [&] { return Attributes{{"axis", std::int64_t{axis}}, {"keepdim", std::int64_t{keepdim}}}; };
  std::vector<std::int64_t> size(kept.begin(), kept.end());
  if (!keepdim) size.erase(size.begin() + d);
  return record(op, attributes, {x.id()},
                Tensor<std::int64_t>(Shape(std::span<const std::int64_t>(size)), y.shared_storage()));
}

template <class T>
Sorted<T> sorted(const char* op, const Tensor<T>& x, int axis, std::int64_t k, bool descending) {
  check_defined(op, "input", x);
  const int d = check_axis(op, x.shape(), axis);
  if (k < 0) k = x.size(d);
  if (k > x.size(d)) fail(op, ": ", k, " elements of axis ", axis, " of input ", x.shape());
  const Lines lines(x.shape(), d);
  const Shape shape = x.shape().with(d, k);
  const Tensor<std::int64_t> index(shape, uninitialized, x.device());
  Tensor<T> y(shape, uninitialized, x.device());
  const SortArgs<T> args = {.outer = lines.outer,
                            .length = lines.length,
                            .inner = lines.inner,
                            .k = k,
                            .descending = descending,
                            .x = x.data(),
                            .values = y.mutable_data(),
                            .index = Tensor<std::int64_t>(index).mutable_data()};
  choose(args, x.device()).run(args);
  const auto attributes = [&] {
    return Attributes{{"axis", std::int64_t{axis}}, {"k", k}, {"descending", std::int64_t{descending}}};
  };
  const Tensor<T> values =
      record(op, attributes, {x.id()}, y,
             [id = x.id(), x_shape = x.shape(), lines, k, kept = Saved<std::int64_t>(index, "sort: indices")](
                 Gradients& g, const Tensor<T>& dy) {
               Tensor<T> dx(x_shape);
               T* to = dx.mutable_data();
               const std::int64_t* place = kept.get().data();
               for (std::int64_t i = 0; i < dy.numel(); ++i)
                 to[(i / (k * lines.inner) * lines.length + place[i]) * lines.inner + i % lines.inner] = dy.data()[i];
               g.add(id, dx);
             });
  return {values, index};
}

template <class T>
Tensor<T> cumsum_values(const Tensor<T>& x, int d, bool reverse) {
  const Lines lines(x.shape(), d);
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const CumsumArgs<T> args = {.outer = lines.outer,
                              .length = lines.length,
                              .inner = lines.inner,
                              .reverse = reverse,
                              .x = x.data(),
                              .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return y;
}
}  // namespace detail

// Where the largest and the smallest element along `axis` are; the first of equals. Errors: an axis of size 0.
template <class T>
Tensor<std::int64_t> argmax(const Tensor<T>& x, int axis, bool keepdim = false) {
  return detail::extreme_place("argmax", false, x, axis, keepdim);
}
template <class T>
Tensor<std::int64_t> argmin(const Tensor<T>& x, int axis, bool keepdim = false) {
  return detail::extreme_place("argmin", true, x, axis, keepdim);
}

// The k largest (or smallest) elements along `axis`, in order; of equals the first. Errors: k outside the axis.
template <class T>
Sorted<T> topk(const Tensor<T>& x, std::int64_t k, int axis = -1, bool largest = true) {
  if (k < 0) fail("topk: k is ", k);
  return detail::sorted("topk", x, axis, k, largest);
}
// All elements along `axis` in order; equal ones keep theirs.
template <class T>
Sorted<T> sort(const Tensor<T>& x, int axis = -1, bool descending = false) {
  return detail::sorted("sort", x, axis, -1, descending);
}

// y(i) = x(0) + ... + x(i) along `axis`; floating types sum in double, small integers in int32.
template <class T>
Tensor<T> cumsum(const Tensor<T>& x, int axis) {
  detail::check_defined("cumsum", "input", x);
  const int d = detail::check_axis("cumsum", x.shape(), axis);
  return record(
      "cumsum",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}};
      },
      {x.id()}, detail::cumsum_values(x, d, false),
      [id = x.id(), d](Gradients& g, const Tensor<T>& dy) { g.add(id, detail::cumsum_values(dy, d, true)); });
}

}  // namespace fovea::inline FOVEA_ABI
