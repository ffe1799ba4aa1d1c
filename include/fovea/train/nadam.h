// NAdam: Adam with Nesterov's momentum (Dozat 2016). Layer train; read adam.h first.
//
//   mu_t = beta1 (1 - 0.5 * 0.96^(t momentum_decay));  m, v as in Adam;
//   p -= lr ((1 - mu_t) / (1 - mu_1...mu_t) g + mu_(t+1) / (1 - mu_1...mu_(t+1)) m) / (sqrt(v / (1 - beta2^t)) + eps)
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct NAdamOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;  // as AdamW has it
};

// State: exp_avg, exp_avg_sq. beta1 is fixed: the product of its mu_t belongs to the formula.
class NAdam final : public Optimizer {
 public:
  explicit NAdam(ParameterGroups parameters, const NAdamOptions& options = {})
      : Optimizer("NAdam", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_betas(o_.betas);
    check_at_least_0("eps", o_.eps);
    check_at_least_0("momentum_decay", o_.momentum_decay);
    add_state("exp_avg");
    add_state("exp_avg_sq");
  }

 private:
  double mu(std::int64_t t) const {
    return o_.betas[0] * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * o_.momentum_decay));
  }
  // The product of mu up to this step, found anew where the step counter was set. torch keeps it in float, also for
  // parameters in double, which shows in the ninth digit of a step.
  void begin_step() override {
    if (product_of_ != steps() - 1) mu_product_ = 1, product_of_ = 0;
    while (product_of_ < steps()) mu_product_ *= static_cast<float>(mu(++product_of_));
  }

  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const double lr = lr_of(s), weight_decay = weight_decay_of(s), next = mu(steps() + 1);
      const T keep = static_cast<T>(o_.decoupled_weight_decay ? 1 - lr * weight_decay : 1);
      const T decay = static_cast<T>(o_.decoupled_weight_decay ? 0 : weight_decay);
      const T rate1 = static_cast<T>(1 - o_.betas[0]);
      const T beta2 = static_cast<T>(o_.betas[1]), rate2 = static_cast<T>(1 - o_.betas[1]);
      const double product = static_cast<double>(mu_product_);
      const T of_g = static_cast<T>(lr * (1 - mu(steps())) / (1 - product));
      const T of_m = static_cast<T>(lr * next / (1 - product * next));
      const T correction = static_cast<T>(1 - std::pow(o_.betas[1], static_cast<double>(steps())));
      const T eps = static_cast<T>(o_.eps);
      arrays<T, 2>(s, gradient)
          .each_with_root(
              [=](T p, T g, T& m, T& v) {
                const T d = g + decay * p;
                m += rate1 * (d - m);
                v = beta2 * v + rate2 * d * d;
                return v / correction;
              },
              [=](T& p, T g, T root, T m, T) {
                const T d = g + decay * p;
                p = keep * p - (of_g * d + of_m * m) / (root + eps);
              });
    });
  }

  NAdamOptions o_;
  float mu_product_ = 1;
  std::int64_t product_of_ = 0;  // the step up to which product_ goes
};

}  // namespace fovea::inline FOVEA_ABI
