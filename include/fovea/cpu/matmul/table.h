// The CPU's kernels of MatmulArgs. Layer cpu.
#pragma once

#include <fovea/cpu/matmul/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<MatmulArgs<T>>> MatmulArgs<T>::cpu_kernels() {
  static constexpr Kernel<MatmulArgs> rows[] = {
      {"matmul_reference", Isa::scalar, accepts_all, cpu::split<cpu::matmul_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
