// SoftmaxArgs: y = exp(x) / sum(exp(x)) along the middle of three dimensions, its logarithm, or the logarithm of the
// sum. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class SoftmaxKind : std::uint8_t { softmax, log_softmax, logsumexp };
inline constexpr const char* name_of(SoftmaxKind kind) {
  constexpr const char* names[] = {"softmax", "log_softmax", "logsumexp"};
  return names[static_cast<std::size_t>(kind)];
}

template <class T>
struct SoftmaxArgs {
  static constexpr const char* name = "softmax";
  static std::span<const Kernel<SoftmaxArgs>> cpu_kernels();

  SoftmaxKind kind = SoftmaxKind::softmax;
  std::int64_t outer = 0, length = 0, inner = 0;  // x and y: outer x length x inner; y of logsumexp: outer x inner
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return outer * inner; }  // sums
  std::int64_t grain() const { return cpu::grain_of(32 * length); }

  friend std::ostream& operator<<(std::ostream& out, const SoftmaxArgs& a) {
    return out << name_of(a.kind) << " " << dtype_of<T> << " " << a.outer << "x" << a.length << "x" << a.inner
               << " along " << a.length;
  }
};

}  // namespace fovea::inline FOVEA_ABI
