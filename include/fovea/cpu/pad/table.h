// The CPU's kernels of PadArgs. Layer cpu. A copy is as fast as memory: there is no other row.
#pragma once

#include <fovea/cpu/pad/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<PadArgs<T>>> PadArgs<T>::cpu_kernels() {
  static constexpr Kernel<PadArgs> rows[] = {
      {"pad_reference", Isa::scalar, accepts_all, cpu::split<cpu::pad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
