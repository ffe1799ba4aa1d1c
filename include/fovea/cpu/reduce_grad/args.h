// ReduceGradArgs: gradients of reductions that read their input: dx = scale(o) * (x - centre(o)), or scale(o) *
// sign(x), o the output that the element went into. Layer cpu; read reference.h next.
#pragma once

#include <fovea/cpu/reduce/args.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct ReduceGradArgs {
  static constexpr const char* name = "reduce_grad";
  static std::span<const Kernel<ReduceGradArgs>> cpu_kernels();

  int rank = 1;
  std::array<std::int64_t, Shape::kMaxRank> size{}, stride{};  // of x; steps of o, 0 in the reduced dimensions
  bool sign = false;
  const double* scale = nullptr;   // outputs
  const double* centre = nullptr;  // outputs; null: 0
  const T* x = nullptr;
  T* dx = nullptr;

  std::int64_t row() const { return size[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t work() const {
    std::int64_t n = 1;
    for (int d = 0; d + 1 < rank; ++d) n *= size[static_cast<std::size_t>(d)];
    return n;
  }
  std::int64_t grain() const { return cpu::grain_of(row()); }
  friend std::ostream& operator<<(std::ostream& out, const ReduceGradArgs& a) {
    return out << "reduce_grad " << dtype_of<T> << " " << a.work() << "x" << a.row();
  }
};

}  // namespace fovea::inline FOVEA_ABI
