// The CPU's kernel of BinaryGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/binary_grad/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<BinaryGradArgs<T>>> BinaryGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<BinaryGradArgs> rows[] = {
      {"binary_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::binary_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
