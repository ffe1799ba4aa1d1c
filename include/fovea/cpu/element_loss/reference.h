// The reference of losses element by element, in double. Layer cpu.
#pragma once

#include <algorithm>
#include <cmath>

#include <fovea/cpu/element_loss/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// log(1 + exp(-x)) and 1 / (1 + exp(-x)) with e = exp(-|x|), so that nothing overflows.
inline double log1p_exp_minus(double x) { return std::log1p(std::exp(-std::abs(x))) + std::max(-x, 0.0); }
inline double logistic(double x) {
  const double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.0) / (1 + e);
}

// A loss and its slopes in both operands.
struct LossValue {
  double y, dx, dt;
};

// Quadratic within `corner` of zero and linear outside, with slope 1 there times `slope`.
inline LossValue rounded_l1(double d, double corner, double slope) {
  const double size = std::abs(d), sign = d < 0 ? -1 : d > 0 ? 1 : 0;
  const bool near = size < corner;
  const double y = slope * (near ? 0.5 * d * d / corner : size - 0.5 * corner);
  const double s = slope * (near ? d / corner : sign);
  return {y, s, -s};
}

// Lin et al. 2017 (RetinaNet), torchvision's form: alpha_t (1 - p_t)^gamma times the cross entropy; alpha < 0: without
// alpha_t.
inline LossValue sigmoid_focal(double x, double t, double alpha, double gamma) {
  const double p = logistic(x), ce = (1 - t) * x + log1p_exp_minus(x), miss = p + t - 2 * p * t;  // 1 - p_t
  const double weight = alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t);
  const double power = std::pow(miss, gamma);
  const double slope = gamma == 0 ? 0 : gamma * std::pow(miss, gamma - 1);  // of the power, in miss
  const double dx = weight * (power * (p - t) + ce * slope * (1 - 2 * t) * p * (1 - p));
  const double weight_dt = alpha < 0 ? 0 : 2 * alpha - 1;
  const double dt = weight_dt * power * ce + weight * (slope * (1 - 2 * p) * ce - power * x);
  return {weight * power * ce, dx, dt};
}

// bce_with_logits: -(w t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), w = pos_weight. kl_div: t (log t - x), 0 where
// t = 0; with log_target exp(t) (t - x).
inline LossValue element_loss(ElementLoss f, double x, double t, double a, double b, double pos_weight) {
  switch (f) {
    case ElementLoss::mse:
      return {(x - t) * (x - t), 2 * (x - t), 2 * (t - x)};
    case ElementLoss::l1:
      return rounded_l1(x - t, 0, 1);
    case ElementLoss::smooth_l1:
      return rounded_l1(x - t, a, 1);
    case ElementLoss::huber:
      return rounded_l1(x - t, a, a);
    case ElementLoss::bce_with_logits: {
      const double w = 1 + (pos_weight - 1) * t, rest = log1p_exp_minus(x);
      return {(1 - t) * x + w * rest, (1 - t) - w * logistic(-x), (pos_weight - 1) * rest - x};
    }
    case ElementLoss::kl_div:
      return t == 0 ? LossValue{0, 0, 0} : LossValue{t * (std::log(t) - x), -t, std::log(t) + 1 - x};
    case ElementLoss::kl_div_log_target: {
      const double e = std::exp(t);
      return {e * (t - x), -e, e * (t - x + 1)};
    }
    case ElementLoss::sigmoid_focal:
      break;
  }
  return sigmoid_focal(x, t, a, b);
}

template <class T>
LossValue element_loss_at(const ElementLossPair<T>& p, std::int64_t i) {
  const double pos_weight = p.pos_weight ? static_cast<double>(p.pos_weight[i % p.channels]) : 1;
  return element_loss(p.function, static_cast<double>(p.x[i]), static_cast<double>(p.t[i]), p.a, p.b, pos_weight);
}

template <class T>
void element_loss_reference(const ElementLossArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t last = std::min(a.in.count, (block + 1) * kElementLossBlock);
    double sum = 0;
    for (std::int64_t i = block * kElementLossBlock; i < last; ++i) {
      const double y = element_loss_at(a.in, i).y;
      if (a.each) a.each[i] = static_cast<master_t<T>>(y);
      sum += y;
    }
    a.sums[block] = sum;
  }
}

template <class T>
void element_loss_grad_reference(const ElementLossGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const LossValue v = element_loss_at(a.in, i);
    const double dy = static_cast<double>(a.dy[i * a.dy_step]) * a.scale;
    if (a.dx) a.dx[i] = static_cast<T>(dy * v.dx);
    if (a.dt) a.dt[i] = static_cast<T>(dy * v.dt);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
