// IndexSelectArgs: y(o, i, :) = x(o, index(i), :), and IndexAddArgs, its way back: sums of what went to each place.
// Layer cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct IndexSelectArgs {
  static constexpr const char* name = "index_select";
  static std::span<const Kernel<IndexSelectArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;  // x: outer x length x inner
  std::int64_t count = 0;                         // y: outer x count x inner
  const std::int64_t* index = nullptr;            // count, each in [0, length)
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return outer * count; }
  std::int64_t grain() const { return cpu::grain_of(inner); }
  friend std::ostream& operator<<(std::ostream& out, const IndexSelectArgs& a) {
    return out << "index_select " << dtype_of<T> << " " << a.count << " of " << a.outer << "x" << a.length << "x"
               << a.inner;
  }
};

template <class T>
struct IndexAddArgs {
  static constexpr const char* name = "index_add";
  static std::span<const Kernel<IndexAddArgs>> cpu_kernels();

  std::int64_t outer = 0, length = 0, inner = 0;  // dx: outer x length x inner
  std::int64_t count = 0;                         // dy: outer x count x inner
  const std::int64_t* first = nullptr;  // length + 1: place p got the entries [first(p), first(p + 1)) of `entry`
  const std::int64_t* entry = nullptr;  // count: indices i of dy, by place
  const T* dy = nullptr;
  T* dx = nullptr;

  std::int64_t work() const { return outer * length; }
  std::int64_t grain() const { return cpu::grain_of(2 * inner); }
  friend std::ostream& operator<<(std::ostream& out, const IndexAddArgs& a) {
    return out << "index_add " << dtype_of<T> << " " << a.count << " to " << a.outer << "x" << a.length << "x"
               << a.inner;
  }
};

}  // namespace fovea::inline FOVEA_ABI
