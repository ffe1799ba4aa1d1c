// Learning rates that rise and fall, with a momentum that does the opposite: cyclic (Smith 2017, arXiv:1506.01186) and
// one-cycle (Smith and Topin 2018, arXiv:1708.07120). Layer train; read schedule.h first. Options are PyTorch's.
#pragma once

#include <array>
#include <cmath>
#include <optional>

#include <fovea/train/decay.h>

namespace fovea::inline FOVEA_ABI {

enum class CyclicMode : std::uint8_t {
  triangular,   // every cycle up to max_lr
  triangular2,  // half the height each cycle
  exp_range     // the height times gamma^step
};

// From base_lr up to max_lr in step_size_up steps, down again in step_size_down.
struct CyclicLR {
  double base_lr = 0;
  double max_lr = 0;
  std::int64_t step_size_up = 2000;
  std::optional<std::int64_t> step_size_down = {};  // step_size_up if not set
  CyclicMode mode = CyclicMode::triangular;
  double gamma = 1;  // of exp_range
  bool cycle_momentum = true;
  double base_momentum = 0.8, max_momentum = 0.9;

  double lr(std::int64_t step) const { return base_lr + (max_lr - base_lr) * height(step); }
  // max_momentum where the rate is base_lr; nothing without cycle_momentum.
  std::optional<double> momentum(std::int64_t step) const {
    if (!cycle_momentum) return std::nullopt;
    return max_momentum - (max_momentum - base_momentum) * height(step);
  }

 private:
  double height(std::int64_t step) const {
    detail::check_schedule("CyclicLR", base_lr, step);
    detail::check_at_least("CyclicLR", "max_lr", max_lr, base_lr);
    const std::int64_t down = step_size_down.value_or(step_size_up), length = step_size_up + down;
    detail::check_at_least("CyclicLR", "step_size_up", static_cast<double>(step_size_up), 1);
    detail::check_at_least("CyclicLR", "step_size_down", static_cast<double>(down), 1);
    const std::int64_t cycle = step / length, at = step % length;
    const double triangle = at <= step_size_up ? static_cast<double>(at) / static_cast<double>(step_size_up)
                                               : static_cast<double>(length - at) / static_cast<double>(down);
    switch (mode) {
      case CyclicMode::triangular:
        return triangle;
      case CyclicMode::triangular2:
        return triangle * std::exp2(-static_cast<double>(cycle));
      case CyclicMode::exp_range:
        return triangle * std::pow(gamma, static_cast<double>(step));
    }
    fail("CyclicLR: the mode is none of triangular, triangular2, exp_range");
  }
};

enum class AnnealStrategy : std::uint8_t { cos, linear };

// One cycle over total_steps: from max_lr / div_factor up to max_lr for the share pct_start of the steps, then down to
// max_lr / div_factor / final_div_factor; with three_phase first down to the start as long as it went up, then to the
// end. From the last step on the rate stays.
struct OneCycleLR {
  double max_lr = 0;
  std::int64_t total_steps = 0;
  double pct_start = 0.3;
  AnnealStrategy anneal_strategy = AnnealStrategy::cos;
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25;
  double final_div_factor = 1e4;
  bool three_phase = false;

  double lr(std::int64_t step) const {
    const double start = max_lr / div_factor, end = start / final_div_factor;
    return three_phase ? value(step, {start, max_lr, start, end}) : value(step, {start, max_lr, end});
  }
  // max_momentum where the rate is low; nothing without cycle_momentum.
  std::optional<double> momentum(std::int64_t step) const {
    if (!cycle_momentum) return std::nullopt;
    return value(step, {max_momentum, base_momentum, max_momentum, max_momentum});
  }

 private:
  // corners: the values between which the phases go, the first of them at step 0.
  double value(std::int64_t step, const std::array<double, 4>& corners) const {
    if (!(max_lr > 0) || std::isinf(max_lr)) fail("OneCycleLR: max_lr is ", max_lr, ", a rate above 0 is wanted");
    detail::check_schedule("OneCycleLR", max_lr, step);
    detail::check_at_least("OneCycleLR", "total_steps", static_cast<double>(total_steps), 1);
    if (!(pct_start >= 0 && pct_start <= 1)) fail("OneCycleLR: pct_start is ", pct_start, ", 0 to 1 is wanted");
    if (!(div_factor > 0 && final_div_factor > 0))
      fail("OneCycleLR: div_factor ", div_factor, " and final_div_factor ", final_div_factor, ", both must be above 0");
    const auto steps = static_cast<double>(total_steps), at = std::min(static_cast<double>(step), steps - 1);
    const double top = pct_start * steps - 1;
    const std::array<double, 3> ends = {top, three_phase ? 2 * pct_start * steps - 2 : steps - 1, steps - 1};
    double begin = 0;
    for (std::size_t phase = 0; phase < 3; ++phase) {
      if (at > ends[phase] && phase < 2) {
        begin = ends[phase];
        continue;
      }
      const double share = ends[phase] > begin ? (at - begin) / (ends[phase] - begin) : 1;
      return anneal_strategy == AnnealStrategy::cos ? detail::cosine_between(corners[phase], corners[phase + 1], share)
                                                    : detail::linear_between(corners[phase], corners[phase + 1], share);
    }
    return corners[3];
  }
};

}  // namespace fovea::inline FOVEA_ABI
