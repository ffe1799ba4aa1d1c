// The CPU's kernels of PointwiseArgs, best first. Layer cpu.
#pragma once

#include <fovea/cpu/pointwise/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<PointwiseArgs<T>>> PointwiseArgs<T>::cpu_kernels() {
  using Row = Kernel<PointwiseArgs>;
  static constexpr Row reference = {"pointwise_reference", Isa::scalar, accepts_all,
                                    cpu::split<cpu::pointwise_reference<T>>};
  static constexpr Row rows[] = {reference};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
