// Concatenation along one dimension. Layer ops.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/concat/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/slice.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/concat/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// The output's shape; all inputs agree in every dimension but `axis`.
template <class T>
Shape concat_shape(std::span<const Tensor<T>> xs, int axis) {
  std::int64_t total = 0;
  for (const Tensor<T>& x : xs) {
    check_defined("concat", "an input", x);
    if (x.rank() != xs[0].rank() || x.shape().with(axis, 0) != xs[0].shape().with(axis, 0))
      fail("concat: inputs ", xs[0].shape(), " and ", x.shape(), " may differ in dimension ", axis, " only");
    total = checked_add(total, x.size(axis), "concat");
  }
  return xs[0].shape().with(axis, total);
}
}  // namespace detail

// The tensors one after the other along `axis` (negative: counted from the last; -1 is the channels of N H W C).
// Errors: no tensor; an axis that they lack; sizes that differ in another dimension.
template <class T>
Tensor<T> concat(std::span<const Tensor<T>> xs, int axis) {
  if (xs.empty()) fail("concat: no tensors");
  detail::check_defined("concat", "an input", xs[0]);
  const int d = detail::check_axis("concat", xs[0].shape(), axis);
  const Shape shape = detail::concat_shape(xs, d);
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < shape.rank(); ++i) (i < d ? outer : inner) *= i == d ? 1 : shape[i];

  std::vector<ConcatInput<T>> inputs;
  std::vector<ValueId> ids;
  std::vector<std::int64_t> sizes;  // along the axis
  for (const Tensor<T>& x : xs) {
    inputs.push_back({x.data(), x.size(d) * inner});
    ids.push_back(x.id());
    sizes.push_back(x.size(d));
  }
  Tensor<T> y(shape, uninitialized, xs[0].device());
  const ConcatArgs<T> args = {.outer = outer, .inputs = inputs, .block = shape[d] * inner, .y = y.mutable_data()};
  choose(args, xs[0].device()).run(args);
  return record(
      "concat",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}};
      },
      ids, y,
      [ids, sizes, d](Gradients& g, const Tensor<T>& dy) {
        std::int64_t begin = 0;
        for (std::size_t i = 0; i < ids.size(); begin += sizes[i++])
          if (g.wants(ids[i])) g.add(ids[i], detail::slice_values(dy, d, begin, begin + sizes[i], 1));
      });
}
template <class T>
Tensor<T> concat(const std::vector<Tensor<T>>& xs, int axis) {
  return concat(std::span<const Tensor<T>>(xs), axis);
}
template <class T>
Tensor<T> concat(std::initializer_list<Tensor<T>> xs, int axis) {
  return concat(std::span<const Tensor<T>>(xs.begin(), xs.size()), axis);
}

}  // namespace fovea::inline FOVEA_ABI
