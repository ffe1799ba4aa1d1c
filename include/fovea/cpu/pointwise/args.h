// PointwiseArgs: y[i] = f(x[i]) for the activation functions. Layer cpu; read reference.h for the formulas.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class Activation : std::uint8_t {
  identity,
  relu,
  relu6,
  leaky_relu,
  hardswish,
  hardsigmoid,
  sigmoid,
  silu,
  gelu,
  gelu_tanh,
  tanh,
  softplus,
  elu,
  mish,
  hardtanh,
  logsigmoid
};
inline constexpr const char* name_of(Activation f) {
  constexpr const char* names[] = {"identity", "relu", "relu6",    "leaky_relu", "hardswish", "hardsigmoid",
                                   "sigmoid",  "silu", "gelu",     "gelu_tanh",  "tanh",      "softplus",
                                   "elu",      "mish", "hardtanh", "logsigmoid"};
  return names[static_cast<std::size_t>(f)];
}

template <class T>
struct PointwiseArgs {
  static constexpr const char* name = "pointwise";
  static std::span<const Kernel<PointwiseArgs>> cpu_kernels();

  Activation function = Activation::identity;
  master_t<T> slope = 0;  // of leaky_relu; elu's alpha, softplus's beta, hardtanh's minimum
  master_t<T> limit = 0;  // softplus's threshold, hardtanh's maximum
  std::int64_t count = 0;
  const T* x = nullptr;
  T* y = nullptr;  // may be x

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return function < Activation::sigmoid ? cpu::kGrainOperations : cpu::grain_of(32); }

  friend std::ostream& operator<<(std::ostream& out, const PointwiseArgs& a) {
    return out << name_of(a.function) << " " << dtype_of<T> << " " << a.count;
  }
};

}  // namespace fovea::inline FOVEA_ABI
