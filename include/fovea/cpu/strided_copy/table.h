// The CPU's kernel of StridedCopyArgs: runs of memory, bound by it, so the reference is the only row. Layer cpu.
#pragma once

#include <fovea/cpu/strided_copy/reference.h>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<StridedCopyArgs<T>> kStridedCopyKernels[] = {
    {"strided_copy", Isa::scalar, accepts_all, split<strided_copy_reference<T>>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<StridedCopyArgs<T>>> StridedCopyArgs<T>::cpu_kernels() {
  return cpu::kStridedCopyKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
