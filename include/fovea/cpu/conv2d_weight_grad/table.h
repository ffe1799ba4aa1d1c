// The CPU's kernels of Conv2dWeightGradArgs, best first, the reference last. Layer cpu; the only file that knows every
// target.
#pragma once

#include <fovea/cpu/conv2d_weight_grad/reference.h>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
template <class T>
inline constexpr Kernel<Conv2dWeightGradArgs<T>> kConv2dWeightGradKernels[] = {
    {"conv2d_weight_grad_reference", Isa::scalar, accepts_all, conv2d_weight_grad_reference<T>},
};
}  // namespace cpu

template <class T>
std::span<const Kernel<Conv2dWeightGradArgs<T>>> Conv2dWeightGradArgs<T>::cpu_kernels() {
  return cpu::kConv2dWeightGradKernels<T>;
}

}  // namespace fovea::inline FOVEA_ABI
