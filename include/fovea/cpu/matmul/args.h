// MatmulArgs: a batch of matrix products C = A B, each operand addressed by strides. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct MatmulArgs {
  static constexpr const char* name = "matmul";
  static std::span<const Kernel<MatmulArgs>> cpu_kernels();

  std::int64_t batch = 0, m = 0, n = 0, k = 0;  // each product: (m x k) (k x n) = m x n
  const std::int64_t* offset_a = nullptr;       // batch: where each product's A begins, in elements
  const std::int64_t* offset_b = nullptr;       // batch
  std::int64_t row_a = 0, column_a = 0;         // strides of A, elements; transposed = exchanged
  std::int64_t row_b = 0, column_b = 0;
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;  // contiguous, batch x m x n

  std::int64_t work() const { return batch * m; }  // rows of y
  std::int64_t grain() const { return cpu::grain_of(n * k); }

  friend std::ostream& operator<<(std::ostream& out, const MatmulArgs& p) {
    return out << "matmul " << dtype_of<T> << " " << p.batch << " of " << p.m << "x" << p.k << " by " << p.k << "x"
               << p.n;
  }
};

}  // namespace fovea::inline FOVEA_ABI
