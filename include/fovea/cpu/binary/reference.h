// The reference arithmetic of two operands: plain loops, in double for floating types. Layer cpu.
#pragma once

#include <type_traits>

#include <fovea/cpu/binary/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// a op b. Integers wrap around, as on every machine: computed without sign, where overflow is defined.
template <class T>
T binary_value(BinaryOp op, T a, T b) {
  using A = std::conditional_t<is_floating<T>, double, std::uint64_t>;
  if (op == BinaryOp::maximum) return a > b || a != a ? a : b;  // NaN wins, as in PyTorch
  if (op == BinaryOp::minimum) return a < b || a != a ? a : b;
  const A u = static_cast<A>(a), v = static_cast<A>(b);
  if (op == BinaryOp::add) return static_cast<T>(u + v);
  if (op == BinaryOp::sub) return static_cast<T>(u - v);
  if constexpr (is_floating<T>)
    if (op == BinaryOp::div) return static_cast<T>(u / v);
  return static_cast<T>(u * v);
}

template <class T>
void binary_reference(const BinaryArgs<T>& k, std::int64_t begin, std::int64_t end) {
  const auto last = static_cast<std::size_t>(k.rank - 1);
  const std::int64_t step_a = k.stride_a[last], step_b = k.stride_b[last];
  for_each_run(k, begin, end, [&](const T* a, const T* b, std::int64_t at, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) k.y[at + i] = binary_value(k.op, a[i * step_a], b[i * step_b]);
  });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
