// CrossEntropyArgs, CrossEntropyGradArgs: the loss of rows of logits, and its gradient. Layer cpu; read reference.h
// next.
//
// Row i has the loss  sum over c of  w(c) q(c) (-log p(c)),  p = softmax(x), q = (1 - smoothing) t + smoothing / C; t
// is 1 at the label, or the row of soft labels.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct CrossEntropyRows {
  std::int64_t rows = 0, classes = 0;
  const T* x = nullptr;                  // rows x classes
  bool log_probabilities = false;        // x is log p already
  const std::int64_t* labels = nullptr;  // rows, each ignore_index or in [0, classes); null: soft labels
  const master_t<T>* soft = nullptr;     // rows x classes
  const master_t<T>* weight = nullptr;   // classes; null: 1
  std::int64_t ignore_index = -100;      // rows with this label have loss and gradient 0
  double smoothing = 0;

  friend std::ostream& operator<<(std::ostream& out, const CrossEntropyRows& a) {
    return out << dtype_of<T> << " " << a.rows << "x" << a.classes << (a.labels ? "" : ", soft labels");
  }
};

template <class T>
struct CrossEntropyArgs {
  static constexpr const char* name = "cross_entropy";
  static std::span<const Kernel<CrossEntropyArgs>> cpu_kernels();

  CrossEntropyRows<T> in;
  double* log_sum = nullptr;  // rows: log(sum of exp(x)), which the gradient reads; null if x is log p
  double* loss = nullptr;     // rows

  std::int64_t work() const { return in.rows; }
  std::int64_t grain() const { return cpu::grain_of(32 * in.classes); }
  friend std::ostream& operator<<(std::ostream& out, const CrossEntropyArgs& a) {
    return out << "cross_entropy " << a.in;
  }
};

template <class T>
struct CrossEntropyGradArgs {
  static constexpr const char* name = "cross_entropy_grad";
  static std::span<const Kernel<CrossEntropyGradArgs>> cpu_kernels();

  CrossEntropyRows<T> in;
  const double* log_sum = nullptr;  // rows
  const master_t<T>* dy = nullptr;  // of each row if dy_step is 1, of all if it is 0
  std::int64_t dy_step = 0;
  double scale = 1;  // of dy
  T* dx = nullptr;   // rows x classes

  std::int64_t work() const { return in.rows; }
  std::int64_t grain() const { return cpu::grain_of(32 * in.classes); }
  friend std::ostream& operator<<(std::ostream& out, const CrossEntropyGradArgs& a) {
    return out << "cross_entropy_grad " << a.in;
  }
};

}  // namespace fovea::inline FOVEA_ABI
