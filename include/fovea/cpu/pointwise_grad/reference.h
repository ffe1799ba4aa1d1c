// The reference gradients of the activations: the derivatives, in double. Layer cpu.
#pragma once

#include <cmath>

#include <fovea/cpu/pointwise/reference.h>
#include <fovea/cpu/pointwise_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

inline double sigmoid_value(double v) { return 1 / (1 + std::exp(-v)); }

// f'(x) dy, where v is f's output or input: grad_reads_output(f). At a kink it is PyTorch's side: 0 of relu at 0, of
// relu6, hardtanh, hardsigmoid and hardswish where the line is flat.
inline double activation_gradient(Activation f, double v, double dy, double slope, double limit) {
  switch (f) {
    case Activation::relu:
      return 0 < v ? dy : 0;
    case Activation::relu6:
      return 0 < v && v < 6 ? dy : 0;
    case Activation::hardtanh:
      return slope < v && v < limit ? dy : 0;
    case Activation::leaky_relu:
      return 0 < v ? dy : dy * slope;
    case Activation::hardsigmoid:
      return 0 < v && v < 1 ? dy / 6 : 0;
    case Activation::hardswish:
      return -3 < v ? v < 3 ? dy * (2 * v + 3) / 6 : dy : 0;
    case Activation::sigmoid:
      return dy * (v * (1 - v));
    case Activation::tanh:
      return dy * ((1 - v) * (1 + v));
    case Activation::silu: {
      const double s = sigmoid_value(v);
      return dy * s * (1 + v * (1 - s));
    }
    // Phi(x) + x phi(x); 0.3989... = 1 / sqrt(2 pi)
    case Activation::gelu: {
      const double phi = 0.39894228040143267794 * std::exp(-0.5 * v * v);
      return dy * (0.5 * std::erfc(-v * 0.70710678118654752440) + v * phi);
    }
    case Activation::gelu_tanh: {
      const double t = std::tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v));
      const double inner = 0.79788456080286535588 * (1 + 3 * 0.044715 * v * v);
      return dy * (0.5 * (1 + t) + 0.5 * v * (1 - t * t) * inner);
    }
    case Activation::softplus:
      return v * slope > limit ? dy : dy * sigmoid_value(v * slope);
    case Activation::elu:
      return v > 0 ? dy : dy * slope * std::exp(v);
    case Activation::mish: {
      const double t = std::tanh(softplus_value(v));
      return dy * (t + v * (1 - t * t) * sigmoid_value(v));
    }
    case Activation::logsigmoid:
      return dy * sigmoid_value(-v);
    case Activation::identity:
      break;
  }
  return dy;
}

template <class T>
void pointwise_grad_reference(const PointwiseGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const auto slope = static_cast<double>(a.slope), limit = static_cast<double>(a.limit);
  for (std::int64_t i = begin; i < end; ++i)
    a.dx[i] = static_cast<T>(
        activation_gradient(a.function, static_cast<double>(a.kept[i]), static_cast<double>(a.dy[i]), slope, limit));
}

}  // namespace fovea::inline FOVEA_ABI::cpu
