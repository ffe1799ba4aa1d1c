// The CPU's kernels of BinaryArgs, best first. Layer cpu.
#pragma once

#include <fovea/cpu/binary/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<BinaryArgs<T>>> BinaryArgs<T>::cpu_kernels() {
  using Row = Kernel<BinaryArgs>;
  static constexpr Row reference = {"binary_reference", Isa::scalar, accepts_all, cpu::split<cpu::binary_reference<T>>};
  static constexpr Row rows[] = {reference};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
