// L2NormalizeArgs, L2NormalizeGradArgs: lines along one dimension divided by their length, and the way back. Layer cpu;
// read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct L2NormalizeArgs {
  static constexpr const char* name = "l2_normalize";
  static std::span<const Kernel<L2NormalizeArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;  // of x; lines run along the middle one
  double eps = 1e-12;
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return outer * inner; }  // lines
  std::int64_t grain() const { return cpu::grain_of(4 * length); }

  friend std::ostream& operator<<(std::ostream& out, const L2NormalizeArgs& a) {
    return out << "l2_normalize " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner;
  }
};

template <class T>
struct L2NormalizeGradArgs {
  static constexpr const char* name = "l2_normalize_grad";
  static std::span<const Kernel<L2NormalizeGradArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;
  double eps = 1e-12;
  const T *x = nullptr, *dy = nullptr;
  T* dx = nullptr;

  std::int64_t work() const { return outer * inner; }  // lines
  std::int64_t grain() const { return cpu::grain_of(8 * length); }

  friend std::ostream& operator<<(std::ostream& out, const L2NormalizeGradArgs& a) {
    return out << "l2_normalize gradient " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner;
  }
};

}  // namespace fovea::inline FOVEA_ABI
