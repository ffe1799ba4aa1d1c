// dropout and drop_path: random zeros while training. Layer ops; read core/training.h first.
//
// They act inside a Training scope only, and return x itself elsewhere. Each call inside a scope takes the next stream,
// whatever p is, so that the numbers of later calls do not depend on it. The mask is not stored: the way back draws it
// again, by the same address, so the bits are the same at any thread count and in a part that runs again (checkpoint).
#pragma once

#include <fovea/core/record.h>
#include <fovea/core/training.h>
#include <fovea/cpu/dropout/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/dropout/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class T>
Tensor<T> masked(const Tensor<T>& x, DropoutArgs<T> args) {
  Tensor<T> y(x.shape(), uninitialized, x.device());
  args.x = x.data(), args.y = y.mutable_data();
  choose(args, x.device()).run(args);
  return y;
}

template <class T>
requires is_floating<T> Tensor<T> drop(const char* op, const Tensor<T>& x, double p, std::int64_t block) {
  if (!(p >= 0 && p < 1)) fail(op, ": p ", p, ", a probability in [0, 1) is wanted");
  Training* scope = Training::current();
  if (!scope) return x;
  const DropoutArgs<T> args = {.random = scope->next_stream(), .p = p, .count = x.numel(), .block = block};
  if (p == 0) return x;
  return record(
      op,
      [&] {
        return Attributes{{"p", p}};
      },
      {x.id()}, masked(x, args),
      [id = x.id(), args](Gradients& g, const Tensor<T>& dy) { g.add(id, masked(dy, args)); });
}
}  // namespace detail

// Each element is 0 with probability p, else x / (1 - p) (Srivastava et al. 2014, inverted). Errors: p outside [0, 1).
template <class T>
Tensor<T> dropout(const Tensor<T>& x, double p = 0.5) {
  detail::check_defined("dropout", "input", x);
  return detail::drop("dropout", x, p, 1);
}

// Stochastic depth (Huang et al. 2016), torchvision's mode "row": whole samples (dimension 0) are 0 with probability p,
// else x / (1 - p). For the branch of a residual block. Errors: p outside [0, 1); a scalar.
template <class T>
Tensor<T> drop_path(const Tensor<T>& x, double p) {
  detail::check_defined("drop_path", "input", x);
  if (x.rank() < 1) fail("drop_path: input ", x.shape(), " has no samples");
  return detail::drop("drop_path", x, p, x.size(0) == 0 ? 0 : x.numel() / x.size(0));
}

}  // namespace fovea::inline FOVEA_ABI
