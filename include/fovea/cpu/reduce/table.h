// The CPU's kernel of ReduceArgs. Layer cpu.
#pragma once

#include <fovea/cpu/reduce/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ReduceArgs<T>>> ReduceArgs<T>::cpu_kernels() {
  static constexpr Kernel<ReduceArgs> rows[] = {
      {"reduce_reference", Isa::scalar, accepts_all, cpu::reduce_reference<T>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
