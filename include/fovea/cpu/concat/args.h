// ConcatArgs: blocks of several inputs one after the other, repeated. Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

// One input: `outer` blocks of `block` elements.
template <class T>
struct ConcatInput {
  const T* x = nullptr;
  std::int64_t block = 0;
};

template <class T>
struct ConcatArgs {
  static constexpr const char* name = "concat";
  static std::span<const Kernel<ConcatArgs>> cpu_kernels();

  std::int64_t outer = 0;
  std::span<const ConcatInput<T>> inputs;
  std::int64_t block = 0;  // elements of y in each of the outer blocks: the inputs' sum
  T* y = nullptr;

  std::int64_t work() const { return outer; }
  std::int64_t grain() const { return cpu::grain_of(block); }

  friend std::ostream& operator<<(std::ostream& out, const ConcatArgs& a) {
    return out << "concat " << dtype_of<T> << " of " << a.inputs.size() << " inputs to " << a.outer << "x" << a.block;
  }
};

}  // namespace fovea::inline FOVEA_ABI
