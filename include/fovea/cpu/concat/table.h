// The CPU's kernels of ConcatArgs. Layer cpu. A copy is as fast as memory: there is no other row.
#pragma once

#include <fovea/cpu/concat/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ConcatArgs<T>>> ConcatArgs<T>::cpu_kernels() {
  static constexpr Kernel<ConcatArgs> rows[] = {
      {"concat_reference", Isa::scalar, accepts_all, cpu::split<cpu::concat_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
