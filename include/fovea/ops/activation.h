// Activation functions, applied to each element; any shape. Layer ops; formulas in cpu/pointwise/reference.h.
//
//   relu max(x, 0)                 relu6 min(max(x, 0), 6)         leaky_relu x < 0 ? slope x : x
//   hardswish x relu6(x + 3) / 6   hardsigmoid relu6(x + 3) / 6    sigmoid 1 / (1 + exp(-x))      silu x sigmoid(x)
//   gelu x Phi(x), by erf          gelu_tanh its tanh form         tanh
// NaN stays NaN. Integers know identity, relu and relu6 only.
#pragma once

#include <fovea/core/record.h>
#include <fovea/cpu/pointwise/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/pointwise/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// f(x) for each element; `slope` is read by leaky_relu only. Recorded under the function's own name; identity returns
// x.
template <class T>
Tensor<T> activate(const Tensor<T>& x, Activation f, double slope = 0.01) {
  detail::check_defined(name_of(f), "input", x);
  if (f == Activation::identity) return x;
  if (!is_floating<T> && f != Activation::relu && f != Activation::relu6)
    fail(name_of(f), ": input ", x.shape(), " is ", dtype_of<T>, ", a floating type is wanted");
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const PointwiseArgs<T> args = {.function = f,
                                 .slope = static_cast<master_t<T>>(slope),
                                 .count = x.numel(),
                                 .x = x.data(),
                                 .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  const auto attributes = [&] { return f == Activation::leaky_relu ? Attributes{{"slope", slope}} : Attributes{}; };
  return record(name_of(f), attributes, {x.id()}, y);
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

}  // namespace fovea::inline FOVEA_ABI
