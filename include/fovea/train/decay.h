// Learning rates that follow a formula. Layer train; read schedule.h first.
//
// Each is a plain value: options under PyTorch's names, and lr(step), the rate of step 0, 1, ... (steps may be epochs).
// Where PyTorch multiplies from step to step, this is the closed form; they agree to rounding. Wrong options and steps
// below 0 are errors.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
inline void check_schedule(const char* name, double base_lr, std::int64_t step) {
  if (!(base_lr > 0) || std::isinf(base_lr)) fail(name, ": base_lr is ", base_lr, ", a rate above 0 is wanted");
  if (step < 0) fail(name, ": step ", step, ", at least 0 is wanted");
}
inline void check_at_least(const char* name, const char* field, double value, double least) {
  if (!(value >= least)) fail(name, ": ", field, " is ", value, ", at least ", least, " is wanted");
}
// From `from` at 0 to `to` at 1 along half a cosine.
inline double cosine_between(double from, double to, double at) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * at));
}
inline double linear_between(double from, double to, double at) { return (to - from) * at + from; }
}  // namespace detail

// base_lr factor for total_iters steps, then base_lr. With factor 1 it is constant.
struct ConstantLR {
  double base_lr = 0;
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;

  double lr(std::int64_t step) const {
    detail::check_schedule("ConstantLR", base_lr, step);
    detail::check_at_least("ConstantLR", "factor", factor, 0);
    return step < total_iters ? base_lr * factor : base_lr;
  }
};

// The factor goes from start_factor to end_factor in total_iters equal steps, and stays.
struct LinearLR {
  double base_lr = 0;
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;

  double lr(std::int64_t step) const {
    detail::check_schedule("LinearLR", base_lr, step);
    detail::check_at_least("LinearLR", "start_factor", start_factor, 0);
    detail::check_at_least("LinearLR", "end_factor", end_factor, 0);
    detail::check_at_least("LinearLR", "total_iters", static_cast<double>(total_iters), 1);
    const double at = static_cast<double>(std::min(step, total_iters)) / static_cast<double>(total_iters);
    return base_lr * detail::linear_between(start_factor, end_factor, at);
  }
};

// Times gamma every step_size steps.
struct StepLR {
  double base_lr = 0;
  std::int64_t step_size = 0;
  double gamma = 0.1;

  double lr(std::int64_t step) const {
    detail::check_schedule("StepLR", base_lr, step);
    detail::check_at_least("StepLR", "step_size", static_cast<double>(step_size), 1);
    detail::check_at_least("StepLR", "gamma", gamma, 0);
    return base_lr * std::pow(gamma, static_cast<double>(step / step_size));
  }
};

// Times gamma at each milestone; one that is listed twice counts twice.
struct MultiStepLR {
  double base_lr = 0;
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;

  double lr(std::int64_t step) const {
    detail::check_schedule("MultiStepLR", base_lr, step);
    detail::check_at_least("MultiStepLR", "gamma", gamma, 0);
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [=](std::int64_t m) { return m <= step; });
    return base_lr * std::pow(gamma, static_cast<double>(passed));
  }
};

// Times gamma each step.
struct ExponentialLR {
  double base_lr = 0;
  double gamma = 0;

  double lr(std::int64_t step) const {
    detail::check_schedule("ExponentialLR", base_lr, step);
    if (!(gamma > 0)) fail("ExponentialLR: gamma is ", gamma, ", a factor above 0 is wanted");
    return base_lr * std::pow(gamma, static_cast<double>(step));
  }
};

// Half a cosine from base_lr to eta_min at step T_max (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts);
// past T_max it rises again.
struct CosineAnnealingLR {
  double base_lr = 0;
  std::int64_t T_max = 0;
  double eta_min = 0;

  double lr(std::int64_t step) const {
    detail::check_schedule("CosineAnnealingLR", base_lr, step);
    detail::check_at_least("CosineAnnealingLR", "T_max", static_cast<double>(T_max), 1);
    detail::check_at_least("CosineAnnealingLR", "eta_min", eta_min, 0);
    return detail::cosine_between(base_lr, eta_min,
                                  static_cast<double>(step % (2 * T_max)) / static_cast<double>(T_max));
  }
};

// The same, beginning anew after T_0 steps, then T_0 T_mult, T_0 T_mult^2, ...
struct CosineAnnealingWarmRestarts {
  double base_lr = 0;
  std::int64_t T_0 = 0;
  std::int64_t T_mult = 1;
  double eta_min = 0;

  double lr(std::int64_t step) const {
    detail::check_schedule("CosineAnnealingWarmRestarts", base_lr, step);
    detail::check_at_least("CosineAnnealingWarmRestarts", "T_0", static_cast<double>(T_0), 1);
    detail::check_at_least("CosineAnnealingWarmRestarts", "T_mult", static_cast<double>(T_mult), 1);
    detail::check_at_least("CosineAnnealingWarmRestarts", "eta_min", eta_min, 0);
    std::int64_t length = T_0;
    if (T_mult == 1) step %= T_0;
    for (; step >= length; length *= T_mult) step -= length;
    return detail::cosine_between(base_lr, eta_min, static_cast<double>(step) / static_cast<double>(length));
  }
};

// base_lr (1 - step / total_iters)^power, 0 from total_iters on.
struct PolynomialLR {
  double base_lr = 0;
  std::int64_t total_iters = 5;
  double power = 1;

  double lr(std::int64_t step) const {
    detail::check_schedule("PolynomialLR", base_lr, step);
    detail::check_at_least("PolynomialLR", "total_iters", static_cast<double>(total_iters), 1);
    detail::check_at_least("PolynomialLR", "power", power, 0);
    if (step >= total_iters) return 0;
    return base_lr * std::pow(1 - static_cast<double>(step) / static_cast<double>(total_iters), power);
  }
};

// Straight lines between points; before the first and after the last the rate stays.
struct PiecewiseLinearLR {
  struct Point {
    std::int64_t step;
    double lr;
  };
  std::vector<Point> points = {};  // steps ascend

  double lr(std::int64_t step) const {
    detail::check_schedule("PiecewiseLinearLR", 1, step);
    if (points.empty()) fail("PiecewiseLinearLR: no points; at least one is wanted");
    for (std::size_t i = 1; i < points.size(); ++i)
      if (points[i].step <= points[i - 1].step)
        fail("PiecewiseLinearLR: a point at step ", points[i].step, " follows one at step ", points[i - 1].step,
             "; steps must ascend");
    const auto after = std::find_if(points.begin(), points.end(), [=](const Point& p) { return p.step > step; });
    if (after == points.begin()) return after->lr;
    const Point& before = *(after - 1);
    if (after == points.end()) return before.lr;
    const double at = static_cast<double>(step - before.step) / static_cast<double>(after->step - before.step);
    return detail::linear_between(before.lr, after->lr, at);
  }
};

// base_lr times what a function says.
struct LambdaLR {
  double base_lr = 0;
  std::function<double(std::int64_t step)> lr_lambda = {};

  double lr(std::int64_t step) const {
    detail::check_schedule("LambdaLR", base_lr, step);
    if (!lr_lambda) fail("LambdaLR: lr_lambda is empty; a function of the step is wanted");
    return base_lr * lr_lambda(step);
  }
};

}  // namespace fovea::inline FOVEA_ABI
