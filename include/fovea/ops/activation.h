// Activation functions, applied to each element; any shape. Layer ops; formulas in cpu/pointwise/reference.h.
//
//   relu max(x, 0)                 relu6 min(max(x, 0), 6)         leaky_relu x < 0 ? slope x : x
//   hardswish x relu6(x + 3) / 6   hardsigmoid relu6(x + 3) / 6    sigmoid 1 / (1 + exp(-x))      silu x sigmoid(x)
//   gelu x Phi(x), by erf          gelu_tanh its tanh form         tanh                           elu, mish, hardtanh
//   softplus log(1 + exp(x))       logsigmoid log(sigmoid(x))      prelu x < 0 ? weight x : x, learned
// NaN stays NaN. Integers know identity, relu and relu6 only. Gradients (cpu/pointwise_grad/reference.h) keep the
// output where it suffices, else the input.
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/pointwise_grad/args.h>
#include <fovea/cpu/prelu/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/pointwise_grad/table.h>
#  include <fovea/cpu/prelu/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// f'(x) dy, from what the forward pass kept.
template <class T>
Tensor<T> activation_gradient(Activation f, double slope, double limit, const Tensor<T>& kept, const Tensor<T>& dy) {
  Tensor<T> dx(dy.shape(), uninitialized, dy.device());
  const PointwiseGradArgs<T> args = {.function = f,
                                     .slope = static_cast<master_t<T>>(slope),
                                     .limit = static_cast<master_t<T>>(limit),
                                     .count = dy.numel(),
                                     .kept = kept.data(),
                                     .dy = dy.data(),
                                     .dx = dx.mutable_data()};
  choose(args, dy.device()).run(args);
  return dx;
}

inline Attributes activation_attributes(Activation f, double slope, double limit) {
  switch (f) {
    case Activation::leaky_relu:
      return {{"slope", slope}};
    case Activation::elu:
      return {{"alpha", slope}};
    case Activation::softplus:
      return {{"beta", slope}, {"threshold", limit}};
    case Activation::hardtanh:
      return {{"min_val", slope}, {"max_val", limit}};
    default:
      return {};
  }
}
}  // namespace detail

// f(x) for each element. `slope` is leaky_relu's, elu's alpha, softplus's beta or hardtanh's minimum, `limit`
// softplus's threshold or hardtanh's maximum; the others read neither. Recorded under the function's own name; identity
// returns x.
template <class T>
Tensor<T> activate(const Tensor<T>& x, Activation f, double slope = 0.01, double limit = 0) {
  detail::check_defined(name_of(f), "input", x);
  if (f == Activation::identity) return x;
  if (!is_floating<T> && f != Activation::relu && f != Activation::relu6)
    fail(name_of(f), ": input ", x.shape(), " is ", dtype_of<T>, ", a floating type is wanted");
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const PointwiseArgs<T> args = {.function = f,
                                 .slope = static_cast<master_t<T>>(slope),
                                 .limit = static_cast<master_t<T>>(limit),
                                 .count = x.numel(),
                                 .x = x.data(),
                                 .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  const auto attributes = [&] { return detail::activation_attributes(f, slope, limit); };
  if constexpr (is_floating<T>) {
    const bool output = grad_reads_output(f, slope);
    return record(name_of(f), attributes, {x.id()}, y,
                  [id = x.id(), f, slope, limit,
                   kept = saved_if(wanted(x), output ? y : x, output ? "activation: output" : "activation: input")](
                      Gradients& g, const Tensor<T>& dy) {
                    g.add(id, detail::activation_gradient(f, slope, limit, kept.get(), dy));
                  });
  } else {
    return record(name_of(f), attributes, {x.id()}, y);
  }
}

template <class T>
Tensor<T> relu(const Tensor<T>& x) {
  return activate(x, Activation::relu);
}
template <class T>
Tensor<T> relu6(const Tensor<T>& x) {
  return activate(x, Activation::relu6);
}
template <class T>
Tensor<T> leaky_relu(const Tensor<T>& x, double slope = 0.01) {
  return activate(x, Activation::leaky_relu, slope);
}
template <class T>
Tensor<T> hardswish(const Tensor<T>& x) {
  return activate(x, Activation::hardswish);
}
template <class T>
Tensor<T> hardsigmoid(const Tensor<T>& x) {
  return activate(x, Activation::hardsigmoid);
}
template <class T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return activate(x, Activation::sigmoid);
}
template <class T>
Tensor<T> silu(const Tensor<T>& x) {
  return activate(x, Activation::silu);
}
template <class T>
Tensor<T> gelu(const Tensor<T>& x) {
  return activate(x, Activation::gelu);
}
template <class T>
Tensor<T> gelu_tanh(const Tensor<T>& x) {
  return activate(x, Activation::gelu_tanh);
}
template <class T>
Tensor<T> tanh(const Tensor<T>& x) {
  return activate(x, Activation::tanh);
}
// log(1 + exp(beta x)) / beta; x where beta x > threshold. Errors: beta 0.
template <class T>
Tensor<T> softplus(const Tensor<T>& x, double beta = 1, double threshold = 20) {
  if (beta == 0) fail("softplus: beta 0, another number is wanted");
  return activate(x, Activation::softplus, beta, threshold);
}
// x > 0 ? x : alpha (exp(x) - 1), of Clevert et al. 2015.
template <class T>
Tensor<T> elu(const Tensor<T>& x, double alpha = 1) {
  return activate(x, Activation::elu, alpha);
}
// x tanh(softplus(x)), of Misra 2019.
template <class T>
Tensor<T> mish(const Tensor<T>& x) {
  return activate(x, Activation::mish);
}
// x clipped to [min_val, max_val]. Errors: an empty range.
template <class T>
Tensor<T> hardtanh(const Tensor<T>& x, double min_val = -1, double max_val = 1) {
  if (!(min_val <= max_val)) fail("hardtanh: min_val ", min_val, " is above max_val ", max_val);
  return activate(x, Activation::hardtanh, min_val, max_val);
}
// log(sigmoid(x)) = -softplus(-x).
template <class T>
Tensor<T> logsigmoid(const Tensor<T>& x) {
  return activate(x, Activation::logsigmoid);
}

namespace detail {
// Gradients of x and weight, each if it is wanted: one pass over x and dy.
template <class T>
void prelu_gradient(Gradients& g, ValueId xi, ValueId wi, const Tensor<T>& x, const Tensor<master_t<T>>& weight,
                    const Shape& weight_shape, const Tensor<T>& dy) {
  using W = master_t<T>;
  const std::int64_t channels = x.size(-1), weights = weight_shape.numel();
  PreluGradArgs<T> args = {.pixels = channels ? x.numel() / channels : 0,
                           .channels = channels,
                           .weight_step = weights == 1 ? 0 : 1,
                           .x = x.data(),
                           .weight = weight.data(),
                           .dy = dy.data()};
  Tensor<T> dx;
  Tensor<W> dweight;
  if (g.wants(xi)) dx = Tensor<T>(x.shape(), uninitialized, x.device()), args.dx = dx.mutable_data();
  if (g.wants(wi)) dweight = Tensor<W>(Shape{channels}), args.dweight = dweight.mutable_data();
  choose(args, x.device()).run(args);
  if (dx) g.add(xi, dx);
  if (!dweight) return;
  if (weights == channels) return g.add(wi, dweight.reshape(weight_shape));
  double sum = 0;
  for (const W v : dweight.values()) sum += static_cast<double>(v);
  g.add(wi, Tensor<W>(weight_shape, static_cast<W>(sum)));
}
}  // namespace detail

// x > 0 ? x : weight x, with one learned weight a channel, the last dimension, or one for all (He et al. 2015).
// Errors: a weight of neither one nor C elements.
template <class T>
requires is_floating<T> Tensor<T> prelu(const Tensor<T>& x, const Tensor<master_t<T>>& weight) {
  detail::check_defined("prelu", "input", x);
  detail::check_defined("prelu", "weight", weight);
  if (x.rank() < 1) fail("prelu: input is a single number, ...xC is wanted");
  const std::int64_t channels = x.size(-1), weights = weight.numel();
  if (weights != 1 && weights != channels)
    fail("prelu: input ", x.shape(), " has ", channels, " channels, weight ", weight.shape(), " wants ", weights);
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const PreluArgs<T> args = {.pixels = channels ? x.numel() / channels : 0,
                             .channels = channels,
                             .weight_step = weights == 1 ? 0 : 1,
                             .x = x.data(),
                             .weight = weight.data(),
                             .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  const bool both = wanted(x) || wanted(weight);
  return record(
      "prelu", [] { return Attributes{}; }, {x.id(), weight.id()}, y,
      [xi = x.id(), wi = weight.id(), shape = weight.shape(), kept = saved_if(both, x, "prelu: input"),
       w = saved_if(both, weight, "prelu: weight")](Gradients& g, const Tensor<T>& dy) {
        detail::prelu_gradient(g, xi, wi, kept.get(), w.get(), shape, dy);
      });
}

}  // namespace fovea::inline FOVEA_ABI
