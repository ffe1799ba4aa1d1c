// cast: another element type inside a net. Layer ops.
//
//   const Tensor<float> logits = head(cast<float>(body(x)));   // a bf16 body, a float head
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/cast/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/cast/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class U, class T>
Tensor<U> cast_values(const Tensor<T>& x) {
  Tensor<U> y(x.shape(), uninitialized, x.device());
  const CastArgs<T, U> args = {.count = x.numel(), .x = x.data(), .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return y;
}
}  // namespace detail

// x as floating type U, rounded to nearest even; x itself if it has that type. The gradient is cast back. Integers are
// data, which Tensor::to converts.
template <class U, class T>
requires(is_floating<T>&& is_floating<U>) Tensor<U> cast(const Tensor<T>& x) {
  detail::check_defined("cast", "input", x);
  if constexpr (std::is_same_v<T, U>)
    return x;
  else
    return record(
        "cast",
        [] {
          return Attributes{{"dtype", std::string(name_of(dtype_of<U>))}};
        },
        {x.id()}, detail::cast_values<U>(x),
        [id = x.id()](Gradients& g, const Tensor<U>& dy) { g.add(id, detail::cast_values<T>(dy)); });
}

}  // namespace fovea::inline FOVEA_ABI
