// The CPU's kernels of ElementLossArgs and ElementLossGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/element_loss/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ElementLossArgs<T>>> ElementLossArgs<T>::cpu_kernels() {
  static constexpr Kernel<ElementLossArgs> rows[] = {
      {"element_loss_reference", Isa::scalar, accepts_all, cpu::split<cpu::element_loss_reference<T>>}};
  return rows;
}
template <class T>
std::span<const Kernel<ElementLossGradArgs<T>>> ElementLossGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<ElementLossGradArgs> rows[] = {
      {"element_loss_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::element_loss_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
