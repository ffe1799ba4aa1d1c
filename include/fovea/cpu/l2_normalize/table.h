// The CPU's kernels of L2NormalizeArgs and L2NormalizeGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/l2_normalize/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<L2NormalizeArgs<T>>> L2NormalizeArgs<T>::cpu_kernels() {
  static constexpr Kernel<L2NormalizeArgs> rows[] = {
      {"l2_normalize_reference", Isa::scalar, accepts_all, cpu::split<cpu::l2_normalize_reference<T>>}};
  return rows;
}

template <class T>
std::span<const Kernel<L2NormalizeGradArgs<T>>> L2NormalizeGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<L2NormalizeGradArgs> rows[] = {
      {"l2_normalize_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::l2_normalize_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
