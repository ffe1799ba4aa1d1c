// The CPU's kernel of WhereArgs. Layer cpu.
#pragma once

#include <fovea/cpu/where/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<WhereArgs<T>>> WhereArgs<T>::cpu_kernels() {
  static constexpr Kernel<WhereArgs> rows[] = {
      {"where_reference", Isa::scalar, accepts_all, cpu::split<cpu::where_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
