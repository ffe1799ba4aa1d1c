// Schedule: any learning rate over the steps. Layer train; read decay.h, cyclic.h and plateau.h next.
//
//   Schedule schedule = OneCycleLR{.max_lr = 0.4, .total_steps = steps};
//   Schedule other = WarmupLR{.warmup_iters = 500, .then = CosineAnnealingLR{.base_lr = 0.1, .T_max = steps - 500}};
//   for (...) { schedule.apply(optimizer, step); ... }          // the rate, and the momentum where it has one
//
// What a schedule is: a value with lr(step). It may have momentum(step) (one-cycle, cyclic) and update(metric), which
// is told how an epoch went (plateau). Schedule holds any of them and is a value too: copies are independent.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <fovea/train/cyclic.h>
#include <fovea/train/decay.h>
#include <fovea/train/optimizer.h>
#include <fovea/train/plateau.h>

namespace fovea::inline FOVEA_ABI {

class Schedule {
 public:
  Schedule(double lr) : Schedule(ConstantLR{.base_lr = lr, .factor = 1}) {}  // implicit: a number is a constant rate
  template <class S>
  requires(!std::is_same_v<S, Schedule> &&
           requires(const S& s) {
             { s.lr(std::int64_t{}) } -> std::convertible_to<double>;
           }) Schedule(S s)
      : held_(std::make_unique<Held<S>>(std::move(s))) {}  // implicit
  Schedule(const Schedule& other) : held_(other.held_->clone()) {}
  Schedule(Schedule&&) noexcept = default;
  Schedule& operator=(Schedule other) noexcept {
    held_ = std::move(other.held_);
    return *this;
  }

  double lr(std::int64_t step) const { return held_->lr(step); }
  // Nothing where the schedule leaves the momentum alone.
  std::optional<double> momentum(std::int64_t step) const { return held_->momentum(step); }
  // The metric after `step`; schedules that follow a formula do not need it.
  void update(double metric, std::int64_t step) { held_->update(metric, step); }

  // Sets the rate, and the momentum if the schedule has one, for this step.
  void apply(Optimizer& optimizer, std::int64_t step) const {
    optimizer.set_lr(lr(step));
    if (const std::optional<double> m = momentum(step)) optimizer.set_momentum(*m);
  }

 private:
  struct Any {
    virtual ~Any() = default;
    virtual double lr(std::int64_t step) const = 0;
    virtual std::optional<double> momentum(std::int64_t step) const = 0;
    virtual void update(double metric, std::int64_t step) = 0;
    virtual std::unique_ptr<Any> clone() const = 0;
  };
  template <class S>
  struct Held final : Any {
    explicit Held(S s) : schedule(std::move(s)) {}
    double lr(std::int64_t step) const override { return schedule.lr(step); }
    std::optional<double> momentum(std::int64_t step) const override {
      if constexpr (requires { schedule.momentum(step); })
        return schedule.momentum(step);
      else
        return std::nullopt;
    }
    void update(double metric, std::int64_t step) override {
      if constexpr (requires { schedule.update(metric, step); })
        schedule.update(metric, step);
      else if constexpr (requires { schedule.update(metric); })
        schedule.update(metric);
    }
    std::unique_ptr<Any> clone() const override { return std::make_unique<Held>(schedule); }
    S schedule;
  };

  std::unique_ptr<Any> held_;
};

// One schedule after the other: schedules[i] begins at milestones[i - 1], where its own step is 0.
struct SequentialLR {
  std::vector<Schedule> schedules = {};
  std::vector<std::int64_t> milestones = {};  // one fewer, ascending

  double lr(std::int64_t step) const { return schedules[at(step)].lr(step - begin(step)); }
  std::optional<double> momentum(std::int64_t step) const { return schedules[at(step)].momentum(step - begin(step)); }
  void update(double metric, std::int64_t step) { schedules[at(step)].update(metric, step - begin(step)); }

 private:
  std::size_t at(std::int64_t step) const {
    if (step < 0) fail("SequentialLR: step ", step, ", at least 0 is wanted");
    if (schedules.empty() || milestones.size() + 1 != schedules.size())
      fail("SequentialLR: ", schedules.size(), " schedules and ", milestones.size(),
           " milestones; one milestone fewer than schedules is wanted");
    if (!std::is_sorted(milestones.begin(), milestones.end())) fail("SequentialLR: the milestones do not ascend");
    return static_cast<std::size_t>(std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin());
  }
  std::int64_t begin(std::int64_t step) const { return at(step) == 0 ? 0 : milestones[at(step) - 1]; }
};

// From start_factor times the first rate of `then` up to it in warmup_iters equal steps (Goyal et al. 2017,
// arXiv:1706.02677), and then `then` from its step 0 on.
struct WarmupLR {
  std::int64_t warmup_iters = 0;
  Schedule then;
  double start_factor = 1.0 / 3;

  double lr(std::int64_t step) const {
    check(step);
    if (step >= warmup_iters) return then.lr(step - warmup_iters);
    const double at = static_cast<double>(step) / static_cast<double>(warmup_iters);
    return then.lr(0) * detail::linear_between(start_factor, 1, at);
  }
  std::optional<double> momentum(std::int64_t step) const {
    check(step);
    return then.momentum(std::max<std::int64_t>(0, step - warmup_iters));
  }
  void update(double metric, std::int64_t step) {
    check(step);
    if (step >= warmup_iters) then.update(metric, step - warmup_iters);
  }

 private:
  void check(std::int64_t step) const {
    if (step < 0) fail("WarmupLR: step ", step, ", at least 0 is wanted");
    detail::check_at_least("WarmupLR", "warmup_iters", static_cast<double>(warmup_iters), 0);
    detail::check_at_least("WarmupLR", "start_factor", start_factor, 0);
  }
};

}  // namespace fovea::inline FOVEA_ABI
