// DistillationArgs, DistillationGradArgs: KL(softmax(teacher / t) || softmax(student / t)) of rows of logits. Layer
// cpu; read reference.h next.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct DistillationArgs {
  static constexpr const char* name = "distillation";
  static std::span<const Kernel<DistillationArgs>> cpu_kernels();

  std::int64_t rows = 0, classes = 0;
  double temperature = 1;
  const T* student = nullptr;  // rows x classes
  const T* teacher = nullptr;  // rows x classes
  double* loss = nullptr;      // rows

  std::int64_t work() const { return rows; }
  std::int64_t grain() const { return cpu::grain_of(128 * classes); }
  friend std::ostream& operator<<(std::ostream& out, const DistillationArgs& a) {
    return out << "distillation " << dtype_of<T> << " " << a.rows << "x" << a.classes;
  }
};

// dstudent = scale * (softmax(student / t) - softmax(teacher / t)).
template <class T>
struct DistillationGradArgs {
  static constexpr const char* name = "distillation_grad";
  static std::span<const Kernel<DistillationGradArgs>> cpu_kernels();

  std::int64_t rows = 0, classes = 0;
  double temperature = 1, scale = 1;
  const T* student = nullptr;
  const T* teacher = nullptr;
  T* dstudent = nullptr;

  std::int64_t work() const { return rows; }
  std::int64_t grain() const { return cpu::grain_of(128 * classes); }
  friend std::ostream& operator<<(std::ostream& out, const DistillationGradArgs& a) {
    return out << "distillation_grad " << dtype_of<T> << " " << a.rows << "x" << a.classes;
  }
};

}  // namespace fovea::inline FOVEA_ABI
