// Softmax along one dimension. Layer ops.
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/softmax/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/softmax/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// y = exp(x) / sum of exp(x) along `axis` (negative: counted from the last). Any shape of rank >= 1; computed in double
// relative to the line's maximum, so that no logit is too large. Errors: an axis that x lacks.
template <class T>
requires is_floating<T> Tensor<T> softmax(const Tensor<T>& x, int axis = -1) {
  detail::check_defined("softmax", "input", x);
  const int d = detail::check_axis("softmax", x.shape(), axis);
  Tensor<T> y(x.shape(), uninitialized, x.device());
  SoftmaxArgs<T> args = {.outer = 1, .length = x.size(d), .inner = 1, .x = x.data(), .y = y.mutable_data()};
  for (int i = 0; i < d; ++i) args.outer *= x.size(i);
  for (int i = d + 1; i < x.rank(); ++i) args.inner *= x.size(i);
  choose(args, x.device()).run(args);
  return record(
      "softmax",
      [&] {
        return Attributes{{"axis", std::int64_t{axis}}};
      },
      {x.id()}, y);
}

}  // namespace fovea::inline FOVEA_ABI
