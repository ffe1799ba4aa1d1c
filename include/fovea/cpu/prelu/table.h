// The CPU's kernels of PreluArgs and PreluGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/prelu/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<PreluArgs<T>>> PreluArgs<T>::cpu_kernels() {
  static constexpr Kernel<PreluArgs> rows[] = {
      {"prelu_reference", Isa::scalar, accepts_all, cpu::split<cpu::prelu_reference<T>>}};
  return rows;
}

template <class T>
std::span<const Kernel<PreluGradArgs<T>>> PreluGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<PreluGradArgs> rows[] = {
      {"prelu_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::prelu_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
