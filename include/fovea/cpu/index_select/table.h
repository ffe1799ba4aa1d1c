// The CPU's kernels of IndexSelectArgs and IndexAddArgs. Layer cpu.
#pragma once

#include <fovea/cpu/index_select/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<IndexSelectArgs<T>>> IndexSelectArgs<T>::cpu_kernels() {
  static constexpr Kernel<IndexSelectArgs> rows[] = {
      {"index_select_reference", Isa::scalar, accepts_all, cpu::split<cpu::index_select_reference<T>>}};
  return rows;
}
template <class T>
std::span<const Kernel<IndexAddArgs<T>>> IndexAddArgs<T>::cpu_kernels() {
  static constexpr Kernel<IndexAddArgs> rows[] = {
      {"index_add_reference", Isa::scalar, accepts_all, cpu::split<cpu::index_add_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
