// The CPU's kernel of SortArgs. Layer cpu.
#pragma once

#include <fovea/cpu/sort/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<SortArgs<T>>> SortArgs<T>::cpu_kernels() {
  static constexpr Kernel<SortArgs> rows[] = {
      {"sort_reference", Isa::scalar, accepts_all, cpu::split<cpu::sort_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
