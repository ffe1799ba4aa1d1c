// The reference activations: the formulas, in double for floating types. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/pointwise/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// f(v); `A` is the accumulator type. Comparisons are written so that NaN comes out as NaN.
template <class A>
A activate_value(Activation f, A v, A slope) {
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
      default:
        break;
    }
  }
  return v;
}

template <class T>
void pointwise_reference(const PointwiseArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const Activation f = a.function;
  const auto slope = static_cast<acc_t<T>>(a.slope);
  for (std::int64_t i = begin; i < end; ++i)
    a.y[i] = static_cast<T>(activate_value<acc_t<T>>(f, static_cast<acc_t<T>>(a.x[i]), slope));
}

}  // namespace fovea::inline FOVEA_ABI::cpu
