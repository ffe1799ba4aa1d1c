// The CPU's kernel of CumsumArgs. Layer cpu.
#pragma once

#include <fovea/cpu/cumsum/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<CumsumArgs<T>>> CumsumArgs<T>::cpu_kernels() {
  static constexpr Kernel<CumsumArgs> rows[] = {
      {"cumsum_reference", Isa::scalar, accepts_all, cpu::split<cpu::cumsum_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
