// The CPU's kernels of CrossEntropyArgs and CrossEntropyGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/cross_entropy/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<CrossEntropyArgs<T>>> CrossEntropyArgs<T>::cpu_kernels() {
  static constexpr Kernel<CrossEntropyArgs> rows[] = {
      {"cross_entropy_reference", Isa::scalar, accepts_all, cpu::split<cpu::cross_entropy_reference<T>>}};
  return rows;
}
template <class T>
std::span<const Kernel<CrossEntropyGradArgs<T>>> CrossEntropyGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<CrossEntropyGradArgs> rows[] = {
      {"cross_entropy_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::cross_entropy_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
