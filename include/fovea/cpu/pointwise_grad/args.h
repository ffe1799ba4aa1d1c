// PointwiseGradArgs: dx[i] = f'(x[i]) dy[i] for the activation functions. Layer cpu; formulas in reference.h.
#pragma once

#include <fovea/cpu/pointwise/args.h>

namespace fovea::inline FOVEA_ABI {

// Whether f' is computed from f's output, which the next op keeps anyway, or from its input. Of leaky_relu the output
// tells the sign of the input only where the slope is not negative.
inline constexpr bool grad_reads_output(Activation f, double slope) {
  switch (f) {
    case Activation::relu:
    case Activation::relu6:
    case Activation::hardsigmoid:
    case Activation::sigmoid:
    case Activation::tanh:
    case Activation::hardtanh:
      return true;
    case Activation::leaky_relu:
      return slope >= 0;
    default:
      return false;
  }
}

template <class T>
struct PointwiseGradArgs {
  static constexpr const char* name = "pointwise_grad";
  static std::span<const Kernel<PointwiseGradArgs>> cpu_kernels();

  Activation function = Activation::relu;
  master_t<T> slope = 0, limit = 0;  // as PointwiseArgs
  std::int64_t count = 0;
  const T* kept = nullptr;  // f's output, or its input: grad_reads_output
  const T* dy = nullptr;
  T* dx = nullptr;  // may be dy

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return function < Activation::sigmoid ? cpu::kGrainOperations : cpu::grain_of(32); }

  friend std::ostream& operator<<(std::ostream& out, const PointwiseGradArgs& a) {
    return out << name_of(a.function) << " gradient " << dtype_of<T> << " " << a.count;
  }
};

}  // namespace fovea::inline FOVEA_ABI
