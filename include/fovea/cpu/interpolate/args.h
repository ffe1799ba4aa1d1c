// InterpolateArgs: each output pixel is a blend of four input pixels, or one of them. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

// Where an output row (column) reads: (1 - weight) * input[first] + weight * input[second].
struct InterpolateTap {
  std::int64_t first = 0, second = 0;
  double weight = 0;  // 0 .. 1
};

template <class T>
struct InterpolateArgs {
  static constexpr const char* name = "interpolate";
  static std::span<const Kernel<InterpolateArgs>> cpu_kernels();

  bool nearest = true;                                          // only `first` counts
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;  // of x
  std::int64_t out_height = 0, out_width = 0;
  const InterpolateTap* rows = nullptr;     // out_height
  const InterpolateTap* columns = nullptr;  // out_width
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return batch * out_height; }  // output rows
  std::int64_t grain() const { return cpu::grain_of(out_width * channels * (nearest ? 1 : 4)); }

  friend std::ostream& operator<<(std::ostream& out, const InterpolateArgs& a) {
    return out << "interpolate " << (a.nearest ? "nearest " : "bilinear ") << dtype_of<T> << " " << a.batch << "x"
               << a.height << "x" << a.width << "x" << a.channels << " to " << a.out_height << "x" << a.out_width;
  }
};

}  // namespace fovea::inline FOVEA_ABI
