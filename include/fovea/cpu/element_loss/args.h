// ElementLossArgs, ElementLossGradArgs: losses of two tensors, element by element. Layer cpu; read reference.h for the
// formulas.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/split.h>

namespace fovea::inline FOVEA_ABI {

enum class ElementLoss : std::uint8_t {
  mse,
  l1,
  smooth_l1,
  huber,
  bce_with_logits,
  kl_div,
  kl_div_log_target,
  sigmoid_focal
};
inline constexpr const char* name_of(ElementLoss f) {
  constexpr const char* names[] = {
      "mse_loss", "l1_loss", "smooth_l1_loss",    "huber_loss", "binary_cross_entropy_with_logits",
      "kl_div",   "kl_div",  "sigmoid_focal_loss"};
  return names[static_cast<std::size_t>(f)];
}

template <class T>
struct ElementLossPair {
  ElementLoss function = ElementLoss::mse;
  double a = 0, b = 0;  // smooth_l1: beta; huber: delta; sigmoid_focal: alpha, gamma
  std::int64_t count = 0;
  std::int64_t channels = 1;                // of pos_weight
  const T* x = nullptr;                     // count
  const T* t = nullptr;                     // count
  const master_t<T>* pos_weight = nullptr;  // bce_with_logits: channels; null: 1

  friend std::ostream& operator<<(std::ostream& out, const ElementLossPair& p) {
    return out << name_of(p.function) << " " << dtype_of<T> << " " << p.count;
  }
};

// Sums of blocks of kElementLossBlock elements, for the caller to add in order, or each element's loss. The blocks
// depend on the count alone, so the bits are the same at any thread count.
inline constexpr std::int64_t kElementLossBlock = 4096;

template <class T>
struct ElementLossArgs {
  static constexpr const char* name = "element_loss";
  static std::span<const Kernel<ElementLossArgs>> cpu_kernels();

  ElementLossPair<T> in;
  double* sums = nullptr;       // one a block
  master_t<T>* each = nullptr;  // count; null: not wanted

  std::int64_t work() const { return (in.count + kElementLossBlock - 1) / kElementLossBlock; }
  std::int64_t grain() const { return 1; }
  friend std::ostream& operator<<(std::ostream& out, const ElementLossArgs& a) { return out << a.in; }
};

template <class T>
struct ElementLossGradArgs {
  static constexpr const char* name = "element_loss_grad";
  static std::span<const Kernel<ElementLossGradArgs>> cpu_kernels();

  ElementLossPair<T> in;
  const master_t<T>* dy = nullptr;  // of each element if dy_step is 1, of all if it is 0
  std::int64_t dy_step = 0;
  double scale = 1;  // of dy
  T* dx = nullptr;   // count; null: not wanted
  T* dt = nullptr;

  std::int64_t work() const { return in.count; }
  std::int64_t grain() const { return cpu::grain_of(8); }
  friend std::ostream& operator<<(std::ostream& out, const ElementLossGradArgs& a) {
    return out << a.in << " gradient";
  }
};

}  // namespace fovea::inline FOVEA_ABI
