// GemPoolArgs, GemPoolGradArgs: generalised-mean pooling over all pixels, and the way back. Layer cpu; read reference.h
// next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct GemPoolArgs {
  static constexpr const char* name = "gem_pool";
  static std::span<const Kernel<GemPoolArgs>> cpu_kernels();

  std::int64_t batch = 0, pixels = 0, channels = 0;  // of x
  double p = 3, eps = 1e-6;
  const T* x = nullptr;
  T* y = nullptr;  // batch x channels

  std::int64_t work() const { return batch * channels; }  // outputs
  std::int64_t grain() const { return cpu::grain_of(64 * pixels); }

  friend std::ostream& operator<<(std::ostream& out, const GemPoolArgs& a) {
    return out << "gem_pool " << dtype_of<T> << " " << a.batch << "x" << a.pixels << "x" << a.channels;
  }
};

template <class T>
struct GemPoolGradArgs {
  static constexpr const char* name = "gem_pool_grad";
  static std::span<const Kernel<GemPoolGradArgs>> cpu_kernels();

  std::int64_t batch = 0, pixels = 0, channels = 0;  // of x and dx
  double p = 3, eps = 1e-6;
  const T* x = nullptr;
  const T* y = nullptr;  // batch x channels
  const T* dy = nullptr;
  T* dx = nullptr;

  std::int64_t work() const { return batch * pixels; }
  std::int64_t grain() const { return cpu::grain_of(128 * channels); }

  friend std::ostream& operator<<(std::ostream& out, const GemPoolGradArgs& a) {
    return out << "gem_pool gradient " << dtype_of<T> << " " << a.batch << "x" << a.pixels << "x" << a.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
