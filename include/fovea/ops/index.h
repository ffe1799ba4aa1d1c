// index_select and one_hot: tensors addressed by int64 indices. Layer ops.
#pragma once

#include <algorithm>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/index_select/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/index_select/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// dx of index_select. Entries are ordered by their place first, so that each place is summed in one go.
template <class T>
Tensor<T> index_add(const Tensor<T>& dy, const Tensor<std::int64_t>& index, IndexAddArgs<T> args, const Shape& shape) {
  std::vector<std::int64_t> first(static_cast<std::size_t>(args.length) + 1),
      entry(static_cast<std::size_t>(args.count));
  for (const std::int64_t i : index.values()) ++first[static_cast<std::size_t>(i) + 1];
  for (std::size_t p = 1; p < first.size(); ++p) first[p] += first[p - 1];
  std::vector<std::int64_t> next(first.begin(), first.end() - 1);
  for (std::int64_t i = 0; i < args.count; ++i)
    entry[static_cast<std::size_t>(next[static_cast<std::size_t>(index.data()[i])]++)] = i;
  Tensor<T> dx(shape, uninitialized, dy.device());
  args.first = first.data(), args.entry = entry.data(), args.dy = dy.data(), args.dx = dx.mutable_data();
  choose(args, dy.device()).run(args);
  return dx;
}
}  // namespace detail

// The elements index(0), index(1), ... of dimension `axis` (rows, for axis 0), in this order, any number of times.
// Keeps the indices. Errors: an index outside the dimension; indices that are no vector.
template <class T>
Tensor<T> index_select(const Tensor<T>& x, int axis, const Tensor<std::int64_t>& index) {
  detail::check_defined("index_select", "input", x);
  detail::check_defined("index_select", "index", index);
  const int d = detail::check_axis("index_select", x.shape(), axis);
  if (index.rank() != 1) fail("index_select: index ", index.shape(), ", a vector is wanted");
  for (const std::int64_t i : index.values())
    if (i < 0 || i >= x.size(d)) fail("index_select: index ", i, " of dimension ", axis, " of input ", x.shape());
  IndexSelectArgs<T> args = {.outer = 1, .length = x.size(d), .inner = 1, .count = index.numel()};
  for (int i = 0; i < x.rank(); ++i) (i < d ? args.outer : args.inner) *= i == d ? 1 : x.size(i);
  Tensor<T> y(x.shape().with(d, index.numel()), uninitialized, x.device());
  args.index = index.data(), args.x = x.data(), args.y = y.mutable_data();
  choose(args, x.device()).run(args);
  const IndexAddArgs<T> back = {.outer = args.outer, .length = args.length, .inner = args.inner, .count = args.count};
  return record(
      "index_select",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}};
      },
      {x.id(), index.id()}, y,
      [id = x.id(), shape = x.shape(), back, kept = Saved<std::int64_t>(index, "index_select: index")](
          Gradients& g, const Tensor<T>& dy) { g.add(id, detail::index_add(dy, kept.get(), back, shape)); });
}

// A new last dimension of `classes` elements, 1 at the label and 0 elsewhere. U is the type of the result (PyTorch's is
// int64). Errors: a label outside [0, classes).
template <Element U = std::int64_t>
Tensor<U> one_hot(const Tensor<std::int64_t>& labels, std::int64_t classes) {
  detail::check_defined("one_hot", "labels", labels);
  std::vector<std::int64_t> size(labels.shape().begin(), labels.shape().end());
  size.push_back(classes);
  Tensor<U> y{Shape(std::span<const std::int64_t>(size))};
  U* to = y.mutable_data();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const std::int64_t label = labels.data()[i];
    if (label < 0 || label >= classes) fail("one_hot: label ", label, " of element ", i, ", of ", classes, " classes");
    to[i * classes + label] = U(1);
  }
  return record(
      "one_hot",
      [&] {
        return Attributes{{"classes", classes}};
      },
      {labels.id()}, y);
}

}  // namespace fovea::inline FOVEA_ABI
