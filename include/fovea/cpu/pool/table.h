// The CPU's kernels of PoolArgs, best first. Layer cpu.
#pragma once

#include <fovea/cpu/pool/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<PoolArgs<T>>> PoolArgs<T>::cpu_kernels() {
  using Row = Kernel<PoolArgs>;
  static constexpr Row reference = {"pool_reference", Isa::scalar, accepts_all, cpu::split<cpu::pool_reference<T>>};
  static constexpr Row rows[] = {reference};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
