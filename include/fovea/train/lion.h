// Lion: the sign of an interpolated momentum (Chen et al. 2023, arXiv:2302.06675). Layer train; read optimizer.h first.
//
//   c = beta1 m + (1 - beta1) g;  p -= lr (sign(c) + weight_decay p);  m = beta2 m + (1 - beta2) g
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct LionOptions {
  double lr = 1e-4;
  std::array<double, 2> betas = {0.9, 0.99};
  double weight_decay = 0;
};

// State: exp_avg.
class Lion final : public Optimizer {
 public:
  explicit Lion(ParameterGroups parameters, const LionOptions& options = {})
      : Optimizer("Lion", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_betas(o_.betas);
    add_state("exp_avg");
  }
  void set_momentum(double beta1) override { o_.betas[0] = check_fraction("beta1", beta1); }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T lr = static_cast<T>(lr_of(s)), decay = static_cast<T>(weight_decay_of(s));
      const T beta1 = static_cast<T>(o_.betas[0]), rate1 = static_cast<T>(1 - o_.betas[0]);
      const T beta2 = static_cast<T>(o_.betas[1]), rate2 = static_cast<T>(1 - o_.betas[1]);
      arrays<T, 1>(s, gradient).each([=](T& p, T g, T& m) {
        const T c = beta1 * m + rate1 * g;
        const T sign = c > 0 ? T(1) : c < 0 ? T(-1) : c;  // 0 and NaN stay
        p -= lr * (sign + decay * p);
        m = beta2 * m + rate2 * g;
      });
    });
  }

  LionOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
