// The CPU's kernels of SoftmaxGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/softmax_grad/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<SoftmaxGradArgs<T>>> SoftmaxGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<SoftmaxGradArgs> rows[] = {
      {"softmax_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::softmax_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
