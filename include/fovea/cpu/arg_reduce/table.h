// The CPU's kernel of ArgReduceArgs. Layer cpu.
#pragma once

#include <fovea/cpu/arg_reduce/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ArgReduceArgs<T>>> ArgReduceArgs<T>::cpu_kernels() {
  static constexpr Kernel<ArgReduceArgs> rows[] = {
      {"arg_reduce_reference", Isa::scalar, accepts_all, cpu::split<cpu::arg_reduce_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
