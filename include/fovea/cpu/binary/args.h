// BinaryArgs: y = a op b for each element, with broadcasting by strides of 0. Layer cpu; read reference.h next.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/core/shape.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class BinaryOp : std::uint8_t { add, sub, mul, div, maximum, minimum };
inline constexpr const char* name_of(BinaryOp op) {
  constexpr const char* names[] = {"add", "sub", "mul", "div", "maximum", "minimum"};
  return names[static_cast<std::size_t>(op)];
}

// Dimensions are merged where both operands allow it, so that equal shapes have rank 1 and a channel vector rank 2.
template <class T>
struct BinaryArgs {
  static constexpr const char* name = "binary";
  static std::span<const Kernel<BinaryArgs>> cpu_kernels();

  BinaryOp op = BinaryOp::add;
  int rank = 1;                                         // >= 1
  std::array<std::int64_t, Shape::kMaxRank> size = {};  // of y, contiguous
  std::array<std::int64_t, Shape::kMaxRank> stride_a = {},
                                            stride_b = {};  // elements; 0 = broadcast. The last is 0 or 1
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;

  std::int64_t inner() const { return size[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t work() const {  // elements of y
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= size[static_cast<std::size_t>(i)];
    return n;
  }
  std::int64_t grain() const { return cpu::kGrainOperations; }

  friend std::ostream& operator<<(std::ostream& out, const BinaryArgs& k) {
    const auto list = [&](const auto& v) {
      for (int i = 0; i < k.rank; ++i) out << (i ? "x" : " ") << v[static_cast<std::size_t>(i)];
    };
    out << name_of(k.op) << " " << dtype_of<T>;
    list(k.size);
    out << ", strides of a";
    list(k.stride_a);
    out << ", of b";
    list(k.stride_b);
    return out;
  }
};

namespace cpu {
// Calls f(a, b, at, n) for each piece of the last dimension that elements [begin, end) of the result touch: n elements
// from the at-th on. Indices are counted on from row to row: a division in each would cost more than the arithmetic of
// a short row.
template <class T, class F>
void for_each_run(const BinaryArgs<T>& k, std::int64_t begin, std::int64_t end, F&& f) {
  if (begin >= end) return;
  const auto last = static_cast<std::size_t>(k.rank - 1);
  const std::int64_t inner = k.inner();
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t column = begin % inner, a = 0, b = 0, rest = begin / inner;
  for (std::size_t d = last; d-- > 0; rest /= k.size[d]) {
    index[d] = rest % k.size[d];
    a += index[d] * k.stride_a[d], b += index[d] * k.stride_b[d];
  }
  for (std::int64_t at = begin; at < end; column = 0) {
    const std::int64_t n = std::min(inner - column, end - at);
    f(k.a + a + column * k.stride_a[last], k.b + b + column * k.stride_b[last], at, n);
    at += n;
    for (std::size_t d = last; d-- > 0;) {  // the next row
      a += k.stride_a[d], b += k.stride_b[d];
      if (++index[d] < k.size[d]) break;
      a -= k.size[d] * k.stride_a[d], b -= k.size[d] * k.stride_b[d];
      index[d] = 0;
    }
  }
}
}  // namespace cpu

}  // namespace fovea::inline FOVEA_ABI
