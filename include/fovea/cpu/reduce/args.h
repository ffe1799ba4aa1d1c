// ReduceArgs: sums over some of the dimensions of a tensor. Layer cpu; read reference.h next.
//
// y(o) = root? ( scale * sum over r of f(x[o's place + r's place]) ), f = v, |v|, v^2 or (v - centre(o))^2.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/core/shape.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class ReduceOp : std::uint8_t { sum, abs_sum, square_sum, centred_square_sum };
inline constexpr const char* name_of(ReduceOp op) {
  constexpr const char* names[] = {"sum", "abs_sum", "square_sum", "centred_square_sum"};
  return names[static_cast<std::size_t>(op)];
}

// Some dimensions of a contiguous tensor, the last moving fastest; at least one (of size 1, where there is none).
struct StridedDims {
  int rank = 0;
  std::array<std::int64_t, Shape::kMaxRank> size{}, stride{};

  // Appends a dimension; one that continues the last is merged with it, sizes of 1 vanish.
  void add(std::int64_t n, std::int64_t step) {
    if (n == 1) return;
    const auto last = static_cast<std::size_t>(rank);
    if (rank > 0 && stride[last - 1] == n * step) {
      size[last - 1] *= n, stride[last - 1] = step;
      return;
    }
    size[last] = n, stride[last] = step;
    ++rank;
  }
  void finish() {
    if (rank == 0) rank = 1, size[0] = 1, stride[0] = 0;
  }
  std::int64_t count() const {
    std::int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= size[static_cast<std::size_t>(d)];
    return n;
  }
  std::int64_t run() const { return size[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t step() const { return stride[static_cast<std::size_t>(rank - 1)]; }
  // Where index i lies, in elements.
  std::int64_t offset(std::int64_t i) const {
    std::int64_t at = 0;
    for (auto d = static_cast<std::size_t>(rank); d-- > 0; i /= size[d]) at += i % size[d] * stride[d];
    return at;
  }
};

template <class T>
struct ReduceArgs {
  static constexpr const char* name = "reduce";
  static std::span<const Kernel<ReduceArgs>> cpu_kernels();

  ReduceOp op = ReduceOp::sum;
  StridedDims kept = {}, reduced = {};  // of x; y holds the kept ones, contiguous
  double scale = 1;
  bool root = false;               // the square root, at the end
  const double* centre = nullptr;  // of each output
  const T* x = nullptr;
  T* y = nullptr;          // rounded results, or null
  double* wide = nullptr;  // results in double, or null

  friend std::ostream& operator<<(std::ostream& out, const ReduceArgs& a) {
    return out << "reduce " << name_of(a.op) << " " << dtype_of<T> << " " << a.reduced.count() << " to each of "
               << a.kept.count();
  }
};

}  // namespace fovea::inline FOVEA_ABI
