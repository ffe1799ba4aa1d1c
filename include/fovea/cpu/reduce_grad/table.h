// The CPU's kernel of ReduceGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/reduce_grad/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ReduceGradArgs<T>>> ReduceGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<ReduceGradArgs> rows[] = {
      {"reduce_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::reduce_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
