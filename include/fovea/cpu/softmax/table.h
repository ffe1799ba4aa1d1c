// The CPU's kernels of SoftmaxArgs. Layer cpu.
#pragma once

#include <fovea/cpu/softmax/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<SoftmaxArgs<T>>> SoftmaxArgs<T>::cpu_kernels() {
  static constexpr Kernel<SoftmaxArgs> rows[] = {
      {"softmax_reference", Isa::scalar, accepts_all, cpu::split<cpu::softmax_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
