// The CPU's kernels of ScaleShiftArgs, best first. Layer cpu.
#pragma once

#include <fovea/cpu/scale_shift/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ScaleShiftArgs<T>>> ScaleShiftArgs<T>::cpu_kernels() {
  using Row = Kernel<ScaleShiftArgs>;
  static constexpr Row reference = {"scale_shift_reference", Isa::scalar, accepts_all,
                                    cpu::split<cpu::scale_shift_reference<T>>};
  static constexpr Row rows[] = {reference};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
