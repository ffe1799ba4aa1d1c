// Adamax: Adam with the maximum norm (Kingma and Ba 2015, arXiv:1412.6980, section 7.1). Layer train; read adam.h
// first.
//
//   g += weight_decay p;  m = beta1 m + (1 - beta1) g;  u = max(beta2 u, |g| + eps);  p -= lr / (1 - beta1^t) m / u
#pragma once

#include <algorithm>

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct AdamaxOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
};

// State: exp_avg, exp_inf.
class Adamax final : public Optimizer {
 public:
  explicit Adamax(ParameterGroups parameters, const AdamaxOptions& options = {})
      : Optimizer("Adamax", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_betas(o_.betas);
    check_at_least_0("eps", o_.eps);
    add_state("exp_avg");
    add_state("exp_inf");
  }
  void set_momentum(double beta1) override { o_.betas[0] = check_fraction("beta1", beta1); }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T decay = static_cast<T>(weight_decay_of(s)), eps = static_cast<T>(o_.eps);
      const T rate1 = static_cast<T>(1 - o_.betas[0]), beta2 = static_cast<T>(o_.betas[1]);
      const T size = static_cast<T>(lr_of(s) / (1 - std::pow(o_.betas[0], static_cast<double>(steps()))));
      arrays<T, 2>(s, gradient).each([=](T& p, T g, T& m, T& u) {
        const T d = g + decay * p;
        m += rate1 * (d - m);
        u = std::max(beta2 * u, std::abs(d) + eps);
        p -= size * (m / u);
      });
    });
  }

  AdamaxOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
