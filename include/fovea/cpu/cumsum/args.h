// CumsumArgs: sums of the elements up to each, or from each on, along the middle of three dimensions. Layer cpu.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct CumsumArgs {
  static constexpr const char* name = "cumsum";
  static std::span<const Kernel<CumsumArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;  // x and y
  bool reverse = false;                           // from the last element
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return outer * inner; }
  std::int64_t grain() const { return cpu::grain_of(4 * length); }
  friend std::ostream& operator<<(std::ostream& out, const CumsumArgs& a) {
    return out << "cumsum " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner;
  }
};

}  // namespace fovea::inline FOVEA_ABI
