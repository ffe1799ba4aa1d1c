// SoftmaxGradArgs: the gradients of softmax, log_softmax and logsumexp. Layer cpu; formulas in reference.h.
#pragma once

#include <fovea/cpu/softmax/args.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct SoftmaxGradArgs {
  static constexpr const char* name = "softmax_grad";
  static std::span<const Kernel<SoftmaxGradArgs>> cpu_kernels();

  SoftmaxKind kind = SoftmaxKind::softmax;
  std::int64_t outer = 0, length = 0, inner = 0;  // x and dx; y and dy too but those of logsumexp: outer x inner
  const T* x = nullptr;                           // of logsumexp only
  const T* y = nullptr;
  const T* dy = nullptr;
  T* dx = nullptr;

  std::int64_t work() const { return outer * inner; }  // lines
  std::int64_t grain() const { return cpu::grain_of(32 * length); }

  friend std::ostream& operator<<(std::ostream& out, const SoftmaxGradArgs& a) {
    return out << name_of(a.kind) << " gradient " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner
               << " along " << a.length;
  }
};

}  // namespace fovea::inline FOVEA_ABI
