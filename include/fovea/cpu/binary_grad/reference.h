// The reference gradient of two operands, in double. Layer cpu.
#pragma once

#include <fovea/cpu/binary_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// At a tie maximum and minimum give half to each operand, as PyTorch does.
inline double binary_slope(BinaryOp op, double a, double b, bool of_second) {
  if (op == BinaryOp::div) return of_second ? -a / (b * b) : 1 / b;
  if (op == BinaryOp::maximum || op == BinaryOp::minimum) {
    const bool first = op == BinaryOp::maximum ? a > b : a < b;
    return a == b ? 0.5 : first != of_second ? 1 : 0;
  }
  if (op == BinaryOp::mul) return of_second ? a : b;
  return of_second && op == BinaryOp::sub ? -1 : 1;
}

template <class T>
void binary_grad_reference(const BinaryGradArgs<T>& k, std::int64_t begin, std::int64_t end) {
  const auto last = static_cast<std::size_t>(k.in.rank - 1);
  const std::int64_t step_a = k.in.stride_a[last], step_b = k.in.stride_b[last];
  for_each_run(k.in, begin, end, [&](const T* a, const T* b, std::int64_t at, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double slope =
          binary_slope(k.in.op, static_cast<double>(a[i * step_a]), static_cast<double>(b[i * step_b]), k.of_second);
      k.dx[at + i] = static_cast<T>(static_cast<double>(k.dy[at + i]) * slope);
    }
  });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
