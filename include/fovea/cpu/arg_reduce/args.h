// ArgReduceArgs: where the largest or smallest element of each output lies. Layer cpu; read reference.h next.
#pragma once

#include <fovea/cpu/reduce/args.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct ArgReduceArgs {
  static constexpr const char* name = "arg_reduce";
  static std::span<const Kernel<ArgReduceArgs>> cpu_kernels();

  bool smallest = false;
  StridedDims kept = {}, reduced = {};  // of x, at least one reduced element
  const T* x = nullptr;
  std::int64_t* index = nullptr;  // elements of x; the first of equals, and a NaN before any number

  std::int64_t work() const { return kept.count(); }
  std::int64_t grain() const { return cpu::grain_of(reduced.count()); }
  friend std::ostream& operator<<(std::ostream& out, const ArgReduceArgs& a) {
    return out << (a.smallest ? "argmin " : "argmax ") << dtype_of<T> << " " << a.reduced.count() << " to each of "
               << a.kept.count();
  }
};

}  // namespace fovea::inline FOVEA_ABI
