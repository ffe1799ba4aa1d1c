// Softmax, log_softmax and logsumexp along one dimension. Layer ops. Computed in double relative to the line's maximum,
// so that no logit is too large. Gradients: cpu/softmax_grad/reference.h.
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/softmax_grad/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/softmax/table.h>
#  include <fovea/cpu/softmax_grad/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// Sizes of x's dimensions before, at and behind dimension d.
template <class Args>
void set_line(Args& args, const Shape& x, int d) {
  args.outer = args.inner = 1;
  args.length = x[d];
  for (int i = 0; i < d; ++i) args.outer *= x[i];
  for (int i = d + 1; i < x.rank(); ++i) args.inner *= x[i];
}

// x is kept by logsumexp only, and undefined else.
template <class T>
Tensor<T> softmax_gradient(SoftmaxKind kind, const Shape& shape, int d, const Tensor<T>& x, const Tensor<T>& y,
                           const Tensor<T>& dy) {
  Tensor<T> dx(shape, uninitialized, dy.device());
  SoftmaxGradArgs<T> args = {.kind = kind, .x = x.data(), .y = y.data(), .dy = dy.data(), .dx = dx.mutable_data()};
  set_line(args, shape, d);
  choose(args, dy.device()).run(args);
  return dx;
}

// y of shape `shape`: x's, or without dimension d for logsumexp.
template <class T, class F>
Tensor<T> softmax_of(SoftmaxKind kind, const Tensor<T>& x, int d, const Shape& shape, F&& attributes) {
  Tensor<T> y(shape, uninitialized, x.device());
  SoftmaxArgs<T> args = {.kind = kind, .x = x.data(), .y = y.mutable_data()};
  set_line(args, x.shape(), d);
  choose(args, x.device()).run(args);
  return record(name_of(kind), attributes, {x.id()}, y,
                [id = x.id(), kind, shape = x.shape(), d,
                 kept_x = saved_if(wanted(x) && kind == SoftmaxKind::logsumexp, x, "logsumexp: input"),
                 kept_y = saved_if(wanted(x), y, "softmax: output")](Gradients& g, const Tensor<T>& dy) {
                  g.add(id, softmax_gradient(kind, shape, d, kept_x ? kept_x.get() : Tensor<T>(), kept_y.get(), dy));
                });
}
}  // namespace detail

// y = exp(x) / sum of exp(x) along `axis` (negative: counted from the last). Any shape of rank >= 1. Errors: an axis
// that x lacks.
template <class T>
requires is_floating<T> Tensor<T> softmax(const Tensor<T>& x, int axis = -1) {
  detail::check_defined("softmax", "input", x);
  const int d = detail::check_axis("softmax", x.shape(), axis);
  return detail::softmax_of(SoftmaxKind::softmax, x, d, x.shape(), [&] {
    return Attributes{{"axis", std::int64_t{axis}}};
  });
}

// y = x - log of sum of exp(x) along `axis`: the logarithm of softmax, also where that is too small for T.
template <class T>
requires is_floating<T> Tensor<T> log_softmax(const Tensor<T>& x, int axis = -1) {
  detail::check_defined("log_softmax", "input", x);
  const int d = detail::check_axis("log_softmax", x.shape(), axis);
  return detail::softmax_of(SoftmaxKind::log_softmax, x, d, x.shape(), [&] {
    return Attributes{{"axis", std::int64_t{axis}}};
  });
}

// The logarithm of the sum of exp(x) along `axis`, which vanishes, or stays with size 1 if keepdim.
template <class T>
requires is_floating<T> Tensor<T> logsumexp(const Tensor<T>& x, int axis = -1, bool keepdim = false) {
  detail::check_defined("logsumexp", "input", x);
  const int d = detail::check_axis("logsumexp", x.shape(), axis);
  std::array<std::int64_t, Shape::kMaxRank> size{};
  std::size_t rank = 0;
  for (int i = 0; i < x.rank(); ++i)
    if (i != d || keepdim) size[rank++] = i == d ? 1 : x.size(i);
  return detail::softmax_of(SoftmaxKind::logsumexp, x, d, Shape(std::span<const std::int64_t>(size.data(), rank)), [&] {
    return Attributes{{"axis", std::int64_t{axis}}, {"keepdim", std::int64_t{keepdim}}};
  });
}

}  // namespace fovea::inline FOVEA_ABI
