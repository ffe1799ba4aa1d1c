// LayerNormArgs, LayerNormGradArgs, LayerNormSumArgs: rows normalised each by its own mean and variance, and the way
// back. Layer cpu; formulas in reference.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct LayerNormArgs {
  static constexpr const char* name = "layer_norm";
  static std::span<const Kernel<LayerNormArgs>> cpu_kernels();

  std::int64_t rows = 0, length = 0;
  double eps = 0;
  const T* x = nullptr;                                 // rows x length
  const master_t<T>*weight = nullptr, *bias = nullptr;  // length, or null: 1 and 0
  T* y = nullptr;                                       // rows x length
  double *mean = nullptr, *inverse = nullptr;           // rows; inverse: 1 / sqrt(var + eps)

  std::int64_t work() const { return rows; }
  std::int64_t grain() const { return cpu::grain_of(2 * length); }

  friend std::ostream& operator<<(std::ostream& out, const LayerNormArgs& a) {
    return out << "layer_norm " << dtype_of<T> << " " << a.rows << "x" << a.length;
  }
};

// The gradient of x.
template <class T>
struct LayerNormGradArgs {
  static constexpr const char* name = "layer_norm_grad";
  static std::span<const Kernel<LayerNormGradArgs>> cpu_kernels();

  std::int64_t rows = 0, length = 0;
  const T *x = nullptr, *dy = nullptr;               // rows x length
  const master_t<T>* weight = nullptr;               // length, or null: 1
  const double *mean = nullptr, *inverse = nullptr;  // rows
  T* dx = nullptr;                                   // rows x length

  std::int64_t work() const { return rows; }
  std::int64_t grain() const { return cpu::grain_of(4 * length); }

  friend std::ostream& operator<<(std::ostream& out, const LayerNormGradArgs& a) {
    return out << "layer_norm gradient " << dtype_of<T> << " " << a.rows << "x" << a.length;
  }
};

// The gradients of weight and bias: sums over the rows. Cut by the shape alone: blocks of kBlock rows are summed in T's
// own arithmetic and added in double within slices, slices in index order; so the bits do not depend on the number of
// threads.
template <class T>
struct LayerNormSumArgs {
  static constexpr const char* name = "layer_norm_sum";
  static std::span<const Kernel<LayerNormSumArgs>> cpu_kernels();

  static constexpr std::int64_t kBlock = 32, kMaxSlices = 64;

  std::int64_t rows = 0, length = 0;
  const T *x = nullptr, *dy = nullptr;               // rows x length
  const double *mean = nullptr, *inverse = nullptr;  // rows
  double *dweight = nullptr, *dbias = nullptr;       // length

  std::int64_t slice_rows() const {
    const std::int64_t blocks = (rows + kBlock - 1) / kBlock;
    return std::max<std::int64_t>(1, (blocks + kMaxSlices - 1) / kMaxSlices) * kBlock;
  }
  std::int64_t slices() const { return (rows + slice_rows() - 1) / slice_rows(); }

  friend std::ostream& operator<<(std::ostream& out, const LayerNormSumArgs& a) {
    return out << "layer_norm sums " << dtype_of<T> << " " << a.rows << "x" << a.length;
  }
};

}  // namespace fovea::inline FOVEA_ABI
