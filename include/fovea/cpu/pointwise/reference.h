// The reference activations: the formulas, in double for floating types. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/pointwise/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// log(1 + exp(v)) without overflow: for v > 0 it is v + log(1 + exp(-v)).
template <class A>
A softplus_value(A v) {
  return v > A(0) ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v));
}

// f(v); `A` is the accumulator type. Comparisons are written so that NaN comes out as NaN.
template <class A>
A activate_value(Activation f, A v, A slope, A limit = A(0)) {
  const auto relu6 = [](A u) { return A(0) > u ? A(0) : A(6) < u ? A(6) : u; };
  if (f == Activation::relu) return A(0) > v ? A(0) : v;
  if (f == Activation::relu6) return relu6(v);
  if constexpr (std::is_floating_point_v<A>) {
    switch (f) {
      case Activation::leaky_relu:
        return v < A(0) ? v * slope : v;
      case Activation::hardswish:
        return v * relu6(v + A(3)) / A(6);
      case Activation::hardsigmoid:
        return relu6(v + A(3)) / A(6);
      case Activation::sigmoid:
        return A(1) / (A(1) + std::exp(-v));
      case Activation::silu:
        return v / (A(1) + std::exp(-v));
      // erfc keeps the small values of the negative tail, where 1 + erf cancels. 0.7071... = 1 / sqrt(2)
      case Activation::gelu:
        return A(0.5) * v * std::erfc(-v * A(0.70710678118654752440));
      // Hendrycks and Gimpel 2016; 0.7978... = sqrt(2 / pi)
      case Activation::gelu_tanh:
        return A(0.5) * v * (A(1) + std::tanh(A(0.79788456080286535588) * (v + A(0.044715) * v * v * v)));
      case Activation::tanh:
        return std::tanh(v);
      // The line y = v above the threshold, as PyTorch has it.
      case Activation::softplus:
        return v * slope > limit ? v : softplus_value(v * slope) / slope;
      case Activation::elu:
        return v > A(0) ? v : slope * std::expm1(v);
      case Activation::mish:
        return v * std::tanh(softplus_value(v));
      case Activation::hardtanh:
        return slope > v ? slope : limit < v ? limit : v;
      case Activation::logsigmoid:
        return -softplus_value(-v);
      default:
        break;
    }
  }
  return v;
}

template <class T>
void pointwise_reference(const PointwiseArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const Activation f = a.function;
  const auto slope = static_cast<acc_t<T>>(a.slope), limit = static_cast<acc_t<T>>(a.limit);
  for (std::int64_t i = begin; i < end; ++i)
    a.y[i] = static_cast<T>(activate_value<acc_t<T>>(f, static_cast<acc_t<T>>(a.x[i]), slope, limit));
}

}  // namespace fovea::inline FOVEA_ABI::cpu
