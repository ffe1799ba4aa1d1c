// BinaryGradArgs: dx = dy * (slope of a op b in one operand), of y's shape, where it is not one of the four operations
// itself (cpu/binary): div in b, maximum and minimum. Layer cpu; read cpu/binary/args.h first.
#pragma once

#include <fovea/cpu/binary/args.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct BinaryGradArgs {
  static constexpr const char* name = "binary_grad";
  static std::span<const Kernel<BinaryGradArgs>> cpu_kernels();

  BinaryArgs<T> in;        // op, sizes, strides, a, b
  bool of_second = false;  // the operand
  const T* dy = nullptr;   // contiguous
  T* dx = nullptr;         // contiguous

  std::int64_t work() const { return in.work(); }
  std::int64_t grain() const { return cpu::kGrainOperations; }
  friend std::ostream& operator<<(std::ostream& out, const BinaryGradArgs& k) {
    return out << k.in << ", gradient of the " << (k.of_second ? "second" : "first");
  }
};

}  // namespace fovea::inline FOVEA_ABI
