// ReduceLROnPlateau: the rate falls when a metric has stopped improving. Layer train; read schedule.h first. Options
// are PyTorch's.
//
//   ReduceLROnPlateau plateau = {.base_lr = 0.1, .patience = 5};
//   for (each epoch) { optimizer.set_lr(plateau.lr()); ...; plateau.update(validation_loss); }
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fovea/train/decay.h>

namespace fovea::inline FOVEA_ABI {

enum class PlateauMode : std::uint8_t { min, max };    // which metric is better
enum class ThresholdMode : std::uint8_t { rel, abs };  // by how much: a share of the best, or as it is

struct ReduceLROnPlateau {
  double base_lr = 0;
  PlateauMode mode = PlateauMode::min;
  double factor = 0.1;
  std::int64_t patience = 10;  // epochs without improvement that are allowed
  double threshold = 1e-4;
  ThresholdMode threshold_mode = ThresholdMode::rel;
  std::int64_t cooldown = 0;  // epochs after a reduction in which none is counted
  double min_lr = 0;
  double eps = 1e-8;  // a smaller reduction is left out

  // State, which a checkpoint saves.
  std::optional<double> reduced_lr = {}, best = {};
  std::int64_t num_bad_epochs = 0, cooldown_counter = 0;

  double lr(std::int64_t step = 0) const {
    detail::check_schedule("ReduceLROnPlateau", base_lr, step);
    return reduced_lr.value_or(base_lr);
  }

  // Takes the metric of the epoch that has ended. NaN is no improvement.
  void update(double metric) {
    if (!(factor >= 0 && factor < 1)) fail("ReduceLROnPlateau: factor is ", factor, ", 0 <= factor < 1 is wanted");
    if (improves(metric)) {
      best = metric;
      num_bad_epochs = 0;
    } else {
      ++num_bad_epochs;
    }
    if (cooldown_counter > 0) {
      --cooldown_counter;
      num_bad_epochs = 0;
    }
    if (num_bad_epochs <= patience) return;
    const double before = lr(), after = std::max(before * factor, min_lr);
    if (before - after > eps) reduced_lr = after;
    cooldown_counter = cooldown;
    num_bad_epochs = 0;
  }

 private:
  bool improves(double metric) const {
    const double worst = std::numeric_limits<double>::infinity() * (mode == PlateauMode::min ? 1 : -1);
    const double sign = mode == PlateauMode::min ? -1 : 1, b = best.value_or(worst);
    const double bar = threshold_mode == ThresholdMode::rel ? b * (1 + sign * threshold) : b + sign * threshold;
    return mode == PlateauMode::min ? metric < bar : metric > bar;
  }
};

}  // namespace fovea::inline FOVEA_ABI
