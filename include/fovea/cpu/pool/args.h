// PoolArgs: maximum or average over a window for each output pixel and channel. Layer cpu; read reference.h next.
//
// A window is the product of two spans of the input, one of rows and one of columns, already clipped to the image, so
// that padded, ceil-mode, adaptive and global pools are the same kernel.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class PoolKind : std::uint8_t { max, average };

// Positions begin, begin + step, ... < end of the input (none if begin >= end).
struct PoolSpan {
  std::int64_t begin = 0, end = 0;
  std::int64_t count = 0;  // positions that the average divides by: those of the span, or with the padding too
};

template <class T>
struct PoolArgs {
  static constexpr const char* name = "pool";
  static std::span<const Kernel<PoolArgs>> cpu_kernels();

  PoolKind kind = PoolKind::max;
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;  // of x
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t step_h = 1, step_w = 1;  // dilation
  const PoolSpan* rows = nullptr;       // out_height
  const PoolSpan* columns = nullptr;    // out_width
  std::int64_t divisor = 0;             // of the average; 0: rows[i].count * columns[j].count
  const T* x = nullptr;
  T* y = nullptr;
  std::int32_t* index = nullptr;  // of y's shape: the maximum's place h * width + w, -1 of an empty window; or null

  std::int64_t work() const { return batch * out_height; }  // output rows
  std::int64_t grain() const { return cpu::grain_of(out_width * channels * taps()); }
  std::int64_t divisor_of(std::int64_t i, std::int64_t j) const {
    return divisor ? divisor : rows[i].count * columns[j].count;
  }
  // Elements under the first window.
  std::int64_t taps() const {
    if (out_height == 0 || out_width == 0) return 1;
    return (rows[0].end - rows[0].begin) * (columns[0].end - columns[0].begin);
  }

  friend std::ostream& operator<<(std::ostream& out, const PoolArgs& a) {
    return out << (a.kind == PoolKind::max ? "max" : "average") << " pool " << dtype_of<T> << " " << a.batch << "x"
               << a.height << "x" << a.width << "x" << a.channels << " to " << a.out_height << "x" << a.out_width;
  }
};

}  // namespace fovea::inline FOVEA_ABI
