// WhereArgs: y = mask ? a : b, element by element. Layer cpu.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct WhereArgs {
  static constexpr const char* name = "where";
  static std::span<const Kernel<WhereArgs>> cpu_kernels();

  std::int64_t count = 0;
  const std::uint8_t* mask = nullptr;
  const T* a = nullptr;  // null: zeros
  const T* b = nullptr;  // null: zeros
  T* y = nullptr;

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return cpu::kGrainOperations; }
  friend std::ostream& operator<<(std::ostream& out, const WhereArgs& w) {
    return out << "where " << dtype_of<T> << " " << w.count;
  }
};

}  // namespace fovea::inline FOVEA_ABI
