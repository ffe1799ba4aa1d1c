// PoolGradArgs: dx of a pool, each input pixel from the windows that cover it. Layer cpu; read pool/args.h first,
// reference.h next.
#pragma once

#include <fovea/cpu/pool/args.h>

namespace fovea::inline FOVEA_ABI {

// The windows [begin, end) that may cover an input position: spans begin and end in rising order.
struct PoolWindows {
  std::int64_t begin = 0, end = 0;
  friend bool operator==(const PoolWindows&, const PoolWindows&) = default;
};

template <class T>
struct PoolGradArgs {
  static constexpr const char* name = "pool_grad";
  static std::span<const Kernel<PoolGradArgs>> cpu_kernels();

  PoolKind kind = PoolKind::max;
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;  // of dx
  std::int64_t out_height = 0, out_width = 0;
  std::int64_t step_h = 1, step_w = 1;          // dilation
  const PoolSpan* rows = nullptr;               // out_height
  const PoolSpan* columns = nullptr;            // out_width
  const PoolWindows* row_windows = nullptr;     // height
  const PoolWindows* column_windows = nullptr;  // width
  std::int64_t divisor = 0;                     // as PoolArgs
  const T* dy = nullptr;
  const std::int32_t* index = nullptr;  // of the maximum: PoolArgs::index
  T* dx = nullptr;

  std::int64_t work() const { return batch * height; }  // input rows
  std::int64_t grain() const { return cpu::grain_of(2 * width * channels); }
  std::int64_t divisor_of(std::int64_t i, std::int64_t j) const {
    return divisor ? divisor : rows[i].count * columns[j].count;
  }
  // Whether input row h lies on the raster of window row i, which may cover it; the same of columns.
  bool row_meets(std::int64_t h, std::int64_t i) const {
    return h >= rows[i].begin && h < rows[i].end && (step_h == 1 || (h - rows[i].begin) % step_h == 0);
  }
  bool column_meets(std::int64_t w, std::int64_t j) const {
    return w >= columns[j].begin && w < columns[j].end && (step_w == 1 || (w - columns[j].begin) % step_w == 0);
  }

  friend std::ostream& operator<<(std::ostream& out, const PoolGradArgs& a) {
    return out << (a.kind == PoolKind::max ? "max" : "average") << " pool gradient " << dtype_of<T> << " " << a.batch
               << "x" << a.height << "x" << a.width << "x" << a.channels << " from " << a.out_height << "x"
               << a.out_width;
  }
};

}  // namespace fovea::inline FOVEA_ABI
