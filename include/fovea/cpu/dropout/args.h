// DropoutArgs: y = x * scale where uniform(i) >= p, and 0 elsewhere; element i of a stream of Philox decides for
// `block` elements of x in a row. Layer cpu; read reference.h next.
#pragma once

#include <cmath>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/random.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct DropoutArgs {
  static constexpr const char* name = "dropout";
  static std::span<const Kernel<DropoutArgs>> cpu_kernels();

  Philox random{0};
  double p = 0;                       // in [0, 1)
  std::int64_t count = 0, block = 1;  // elements; block divides count
  const T* x = nullptr;
  T* y = nullptr;

  // uniform(i) >= p for a word whose high 24 bits are at least this: the uniform is a multiple of 2^-24.
  std::uint32_t threshold() const { return static_cast<std::uint32_t>(std::ceil(p * 0x1p24)); }
  master_t<T> scale() const { return static_cast<master_t<T>>(1 / (1 - p)); }

  std::int64_t work() const { return block == 0 ? 0 : count / block; }  // draws
  std::int64_t grain() const { return cpu::grain_of(16 + block); }
  friend std::ostream& operator<<(std::ostream& out, const DropoutArgs& a) {
    return out << "dropout " << dtype_of<T> << " " << a.count << " by " << a.block << ", p " << a.p;
  }
};

}  // namespace fovea::inline FOVEA_ABI
