// The CPU's kernels of GemPoolArgs and GemPoolGradArgs. Layer cpu.
#pragma once

#include <fovea/cpu/gem_pool/reference.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
std::span<const Kernel<GemPoolArgs<T>>> GemPoolArgs<T>::cpu_kernels() {
  static constexpr Kernel<GemPoolArgs> rows[] = {
      {"gem_pool_reference", Isa::scalar, accepts_all, cpu::split<cpu::gem_pool_reference<T>>}};
  return rows;
}

template <class T>
std::span<const Kernel<GemPoolGradArgs<T>>> GemPoolGradArgs<T>::cpu_kernels() {
  static constexpr Kernel<GemPoolGradArgs> rows[] = {
      {"gem_pool_grad_reference", Isa::scalar, accepts_all, cpu::split<cpu::gem_pool_grad_reference<T>>}};
  return rows;
}

}  // namespace fovea::inline FOVEA_ABI
