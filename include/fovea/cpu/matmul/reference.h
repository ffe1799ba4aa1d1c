// The reference matrix product: plain loops, sums in double. Layer cpu.
#pragma once

#include <fovea/cpu/matmul/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void matmul_reference(const MatmulArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = a.a + a.offset_a[row / a.m] + row % a.m * a.row_a;
    const T* b = a.b + a.offset_b[row / a.m];
    for (std::int64_t j = 0; j < a.n; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < a.k; ++k)
        sum += static_cast<double>(x[k * a.column_a]) * static_cast<double>(b[k * a.row_b + j * a.column_b]);
      a.y[row * a.n + j] = static_cast<T>(sum);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
