// SortArgs: the first k of each line in order, with their places. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct SortArgs {
  static constexpr const char* name = "sort";
  static std::span<const Kernel<SortArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;  // x: outer x length x inner
  std::int64_t k = 0;                             // <= length
  bool descending = false;
  const T* x = nullptr;
  T* values = nullptr;            // outer x k x inner
  std::int64_t* index = nullptr;  // outer x k x inner: places along `length`

  std::int64_t work() const { return outer * inner; }
  std::int64_t grain() const { return cpu::grain_of(16 * length); }
  friend std::ostream& operator<<(std::ostream& out, const SortArgs& a) {
    return out << "sort " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner << ", the first "
               << a.k;
  }
};

}  // namespace fovea::inline FOVEA_ABI
