// ResampleArgs: each output row and column is a weighted sum of any input rows and columns. Layer cpu; read reference.h
// next. Antialiased and bicubic resizing, and the gradients of every resize and padding (the transposed weights).
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <vector>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

struct ResampleTap {
  std::int64_t source = 0;
  double weight = 1;
};

// The taps of output i are taps[start[i]] .. taps[start[i + 1] - 1]; there may be none, which gives 0.
struct ResampleTaps {
  std::vector<std::int64_t> start = {0};
  std::vector<ResampleTap> taps;

  std::int64_t outputs() const { return static_cast<std::int64_t>(start.size()) - 1; }
  std::span<const ResampleTap> of(std::int64_t i) const {
    const auto k = static_cast<std::size_t>(i);
    return {taps.data() + start[k], static_cast<std::size_t>(start[k + 1] - start[k])};
  }
  // Adds a tap to the output that is being made; end_output() ends it.
  void add(std::int64_t source, double weight) { taps.push_back({source, weight}); }
  void end_output() { start.push_back(static_cast<std::int64_t>(taps.size())); }
};

template <class T>
struct ResampleArgs {
  static constexpr const char* name = "resample";
  static std::span<const Kernel<ResampleArgs>> cpu_kernels();

  std::int64_t batch = 0, height = 0, width = 0, channels = 0;  // of x
  const ResampleTaps* rows = nullptr;                           // output height
  const ResampleTaps* columns = nullptr;                        // output width
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t out_height() const { return rows->outputs(); }
  std::int64_t out_width() const { return columns->outputs(); }
  std::int64_t work() const { return batch * out_height(); }  // output rows
  std::int64_t grain() const { return cpu::grain_of(out_width() * channels * 4); }

  friend std::ostream& operator<<(std::ostream& out, const ResampleArgs& a) {
    return out << "resample " << dtype_of<T> << " " << a.batch << "x" << a.height << "x" << a.width << "x" << a.channels
               << " to " << a.out_height() << "x" << a.out_width();
  }
};

}  // namespace fovea::inline FOVEA_ABI
