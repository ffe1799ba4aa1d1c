// CastArgs: elements of one floating type as another. Layer cpu.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T, class U>
struct CastArgs {
  static constexpr const char* name = "cast";
  static std::span<const Kernel<CastArgs>> cpu_kernels();

  std::int64_t count = 0;
  const T* x = nullptr;
  U* y = nullptr;

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return cpu::kGrainOperations; }
  friend std::ostream& operator<<(std::ostream& out, const CastArgs& a) {
    return out << "cast " << dtype_of<T> << " to " << dtype_of<U> << " " << a.count;
  }
};

}  // namespace fovea::inline FOVEA_ABI
