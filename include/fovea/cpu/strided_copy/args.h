// StridedCopyArgs: y(i0, i1, ...) = x(i0 * stride0 + i1 * stride1 + ...), y contiguous. Slices, permutations, flips
// (negative strides) and repetitions (stride 0) are this. Layer cpu.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/core/shape.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct StridedCopyArgs {
  static constexpr const char* name = "strided_copy";
  static std::span<const Kernel<StridedCopyArgs>> cpu_kernels();

  int rank = 0;                                                // at least 1
  std::array<std::int64_t, Shape::kMaxRank> size{}, stride{};  // of x, in elements; the last dimension moves fastest
  const T* x = nullptr;                                        // element (0, 0, ...)
  T* y = nullptr;

  // Rows: runs along the last dimension.
  std::int64_t row() const { return size[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t work() const {
    std::int64_t n = 1;
    for (int d = 0; d + 1 < rank; ++d) n *= size[static_cast<std::size_t>(d)];
    return n;
  }
  std::int64_t grain() const { return cpu::grain_of(row()); }

  friend std::ostream& operator<<(std::ostream& out, const StridedCopyArgs& a) {
    out << "strided_copy " << dtype_of<T>;
    for (int d = 0; d < a.rank; ++d)
      out << (d ? "x" : " ") << a.size[static_cast<std::size_t>(d)] << ":" << a.stride[static_cast<std::size_t>(d)];
    return out;
  }
};

}  // namespace fovea::inline FOVEA_ABI
