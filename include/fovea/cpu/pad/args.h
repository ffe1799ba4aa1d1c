// PadArgs: each output row and column reads one of the input, or is the padding value. Layer cpu; read reference.h
// next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct PadArgs {
  static constexpr const char* name = "pad";
  static std::span<const Kernel<PadArgs>> cpu_kernels();

  std::int64_t batch = 0, height = 0, width = 0, channels = 0;  // of x
  std::int64_t out_height = 0, out_width = 0;
  const std::int64_t* rows = nullptr;     // out_height: the input row, or -1 for the value
  const std::int64_t* columns = nullptr;  // out_width
  T value = T(0);
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return batch * out_height; }  // output rows
  std::int64_t grain() const { return cpu::grain_of(out_width * channels); }

  friend std::ostream& operator<<(std::ostream& out, const PadArgs& a) {
    return out << "pad " << dtype_of<T> << " " << a.batch << "x" << a.height << "x" << a.width << "x" << a.channels
               << " to " << a.out_height << "x" << a.out_width;
  }
};

}  // namespace fovea::inline FOVEA_ABI
