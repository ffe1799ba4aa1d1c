// The CPU's kernels of DistillationArgs and DistillationGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/distillation/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<DistillationArgs<T>>> DistillationArgs<T>::cpu_kernels() {
  static constexpr Kernel<DistillationArgs> rows[] = {
      {"distillation_reference", Isa::scalar, accepts_all, cpu::split<cpu::distillation_reference<T>>}};
  return rows;
}
template <class T>
std::span<const Kernel<DistillationGradArgs<T>>> DistillationGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<DistillationGradArgs> rows[] = {
      {"distillation_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::distillation_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
