// The CPU's kernel of DropoutArgs. Layer cpu.
#pragma once

#include <fovea/cpu/dropout/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<DropoutArgs<T>>> DropoutArgs<T>::cpu_kernels() {
  static constexpr Kernel<DropoutArgs> rows[] = {
      {"dropout_reference", Isa::scalar, accepts_all, cpu::split<cpu::dropout_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
