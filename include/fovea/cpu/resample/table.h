// The CPU's kernels of ResampleArgs. Layer cpu.
#pragma once

#include <fovea/cpu/resample/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<ResampleArgs<T>>> ResampleArgs<T>::cpu_kernels() {
  static constexpr Kernel<ResampleArgs> rows[] = {
      {"resample_reference", Isa::scalar, accepts_all, cpu::split<cpu::resample_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
