// ScaleShiftArgs: y(p, c) = x(p, c) * scale(c) + shift(c), batch norm in its evaluation form. Layer cpu.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct ScaleShiftArgs {
  static constexpr const char* name = "scale_shift";
  static std::span<const Kernel<ScaleShiftArgs>> cpu_kernels();

  std::int64_t pixels = 0, channels = 0;
  const T* x = nullptr;                // pixels x channels
  const master_t<T>* scale = nullptr;  // channels
  const master_t<T>* shift = nullptr;
  T* y = nullptr;  // may be x

  std::int64_t work() const { return pixels; }
  std::int64_t grain() const { return cpu::grain_of(channels); }

  friend std::ostream& operator<<(std::ostream& out, const ScaleShiftArgs& a) {
    return out << "scale_shift " << dtype_of<T> << " " << a.pixels << "x" << a.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
