// The CPU's kernel of CastArgs. Layer cpu.
#pragma once

#include <fovea/cpu/cast/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T, class U>
std::span<const Kernel<CastArgs<T, U>>> CastArgs<T, U>::cpu_kernels() {
  static constexpr Kernel<CastArgs> rows[] = {
      {"cast_reference", Isa::scalar, accepts_all, cpu::split<cpu::cast_reference<T, U>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
