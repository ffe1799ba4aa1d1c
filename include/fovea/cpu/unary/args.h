// UnaryArgs, UnaryGradArgs: y = f(x) for the elementary functions, and dx = dy f'(x). Layer cpu; read reference.h for
// the formulas. Activations are in cpu/pointwise.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class UnaryOp : std::uint8_t { neg, abs, exp, square, sin, log, sqrt, rsqrt, reciprocal, pow, clamp };
inline constexpr const char* name_of(UnaryOp op) {
  constexpr const char* names[] = {"neg",  "abs",   "exp",        "square", "sin",  "log",
                                   "sqrt", "rsqrt", "reciprocal", "pow",    "clamp"};
  return names[static_cast<std::size_t>(op)];
}

template <class T>
struct UnaryArgs {
  static constexpr const char* name = "unary";
  static std::span<const Kernel<UnaryArgs>> cpu_kernels();

  UnaryOp op = UnaryOp::neg;
  double a = 0, b = 0;  // pow: exponent; clamp: low, high
  std::int64_t count = 0;
  const T* x = nullptr;
  T* y = nullptr;

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return cpu::grain_of(8); }
  friend std::ostream& operator<<(std::ostream& out, const UnaryArgs& u) {
    return out << name_of(u.op) << " " << dtype_of<T> << " " << u.count;
  }
};

template <class T>
struct UnaryGradArgs {
  static constexpr const char* name = "unary_grad";
  static std::span<const Kernel<UnaryGradArgs>> cpu_kernels();

  UnaryOp op = UnaryOp::neg;
  double a = 0, b = 0;
  std::int64_t count = 0;
  const T* kept = nullptr;  // the input; the output of exp; unread by neg
  const T* dy = nullptr;
  T* dx = nullptr;

  std::int64_t work() const { return count; }
  std::int64_t grain() const { return cpu::grain_of(8); }
  friend std::ostream& operator<<(std::ostream& out, const UnaryGradArgs& u) {
    return out << name_of(u.op) << " gradient " << dtype_of<T> << " " << u.count;
  }
};

}  // namespace fovea::inline FOVEA_ABI
