// The CPU's kernels of UnaryArgs and UnaryGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/unary/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<UnaryArgs<T>>> UnaryArgs<T>::cpu_kernels() {
  static constexpr Kernel<UnaryArgs> rows[] = {
      {"unary_reference", Isa::scalar, accepts_all, cpu::split<cpu::unary_reference<T>>}};
  return rows;
}
template <class T>
std::span<const Kernel<UnaryGradArgs<T>>> UnaryGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<UnaryGradArgs> rows[] = {
      {"unary_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::unary_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
