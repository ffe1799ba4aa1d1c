// NormGradArgs: dx = dy * scale(c) + (x - mean(c)) * slope(c) + shift(c), the gradient of batch norm once its sums are
// known. Layer cpu.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct NormGradArgs {
  static constexpr const char* name = "norm_grad";
  static std::span<const Kernel<NormGradArgs>> cpu_kernels();

  std::int64_t pixels = 0, channels = 0;
  const T *dy = nullptr, *x = nullptr;                                                     // pixels x channels
  const master_t<T>*scale = nullptr, *mean = nullptr, *slope = nullptr, *shift = nullptr;  // channels
  T* dx = nullptr;

  std::int64_t work() const { return pixels; }
  std::int64_t grain() const { return cpu::grain_of(channels); }

  friend std::ostream& operator<<(std::ostream& out, const NormGradArgs& a) {
    return out << "norm_grad " << dtype_of<T> << " " << a.pixels << "x" << a.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
