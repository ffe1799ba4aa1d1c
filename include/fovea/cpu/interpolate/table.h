// The CPU's kernels of InterpolateArgs. Layer cpu.
#pragma once

#include <fovea/cpu/interpolate/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<InterpolateArgs<T>>> InterpolateArgs<T>::cpu_kernels() {
  static constexpr Kernel<InterpolateArgs> rows[] = {
      {"interpolate_reference", Isa::scalar, accepts_all, cpu::split<cpu::interpolate_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
