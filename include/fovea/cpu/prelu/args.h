// PreluArgs, PreluGradArgs: y = x > 0 ? x : weight(c) x, and the way back. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct PreluArgs {
  static constexpr const char* name = "prelu";
  static std::span<const Kernel<PreluArgs>> cpu_kernels();

  std::int64_t pixels = 0, channels = 0;  // of x and y
  std::int64_t weight_step = 1;           // 0: one weight for all channels
  const T* x = nullptr;
  const master_t<T>* weight = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return pixels; }
  std::int64_t grain() const { return cpu::grain_of(channels); }

  friend std::ostream& operator<<(std::ostream& out, const PreluArgs& a) {
    return out << "prelu " << dtype_of<T> << " " << a.pixels << "x" << a.channels;
  }
};

template <class T>
struct PreluGradArgs {
  static constexpr const char* name = "prelu_grad";
  static std::span<const Kernel<PreluGradArgs>> cpu_kernels();

  std::int64_t pixels = 0, channels = 0;
  std::int64_t weight_step = 1;
  const T* x = nullptr;
  const master_t<T>* weight = nullptr;  // read for dx only
  const T* dy = nullptr;
  T* dx = nullptr;                 // null: not wanted
  master_t<T>* dweight = nullptr;  // channels, also of one weight; null: not wanted

  std::int64_t work() const { return channels; }  // so that no sum is cut
  std::int64_t grain() const { return cpu::grain_of(pixels); }

  friend std::ostream& operator<<(std::ostream& out, const PreluGradArgs& a) {
    return out << "prelu gradient " << dtype_of<T> << " " << a.pixels << "x" << a.channels;
  }
};

}  // namespace fovea::inline FOVEA_ABI
