// Adam (Kingma and Ba 2015, arXiv:1412.6980) and AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101). Layer train;
// read optimizer.h first.
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
//   p -= lr m / (1 - beta1^t) / (sqrt(v) / sqrt(1 - beta2^t) + eps)         amsgrad: the largest v so far in v's place
// Weight decay: Adam adds weight_decay p to g, AdamW takes lr weight_decay p off p.
#pragma once

#include <algorithm>

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
};
struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
};

// State: exp_avg, exp_avg_sq, and max_exp_avg_sq with amsgrad.
class Adam : public Optimizer {
 public:
  explicit Adam(ParameterGroups parameters, const AdamOptions& options = {})
      : Adam("Adam", std::move(parameters), options, false) {}
  void set_momentum(double beta1) override { o_.betas[0] = check_fraction("beta1", beta1); }

 protected:
  Adam(const char* name, ParameterGroups parameters, const AdamOptions& options, bool decoupled)
      : Optimizer(name, std::move(parameters), options.lr, options.weight_decay), o_(options), decoupled_(decoupled) {
    check_betas(o_.betas);
    check_at_least_0("eps", o_.eps);
    add_state("exp_avg");
    add_state("exp_avg_sq");
    if (o_.amsgrad) add_state("max_exp_avg_sq");
  }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const auto t = static_cast<double>(steps());
      const double lr = lr_of(s), weight_decay = weight_decay_of(s);
      const T keep = static_cast<T>(decoupled_ ? 1 - lr * weight_decay : 1);
      const T decay = static_cast<T>(decoupled_ ? 0 : weight_decay);
      const T rate1 = static_cast<T>(1 - o_.betas[0]);
      const T beta2 = static_cast<T>(o_.betas[1]), rate2 = static_cast<T>(1 - o_.betas[1]);
      const T size = static_cast<T>(lr / (1 - std::pow(o_.betas[0], t)));
      const T root2 = static_cast<T>(std::sqrt(1 - std::pow(o_.betas[1], t))), eps = static_cast<T>(o_.eps);
      const auto average = [=](T p, T g, T& m, T& v) {
        const T d = g + decay * p;
        m += rate1 * (d - m);
        v = beta2 * v + rate2 * d * d;
        return v;
      };
      const auto move = [=](T& p, T root, T m) { p = keep * p - size * (m / (root / root2 + eps)); };
      if (!o_.amsgrad)
        return arrays<T, 2>(s, gradient)
            .each_with_root([=](T p, T g, T& m, T& v) { return average(p, g, m, v); },
                            [=](T& p, T, T root, T m, T) { move(p, root, m); });
      arrays<T, 3>(s, gradient)
          .each_with_root([=](T p, T g, T& m, T& v, T& most) { return most = std::max(most, average(p, g, m, v)); },
                          [=](T& p, T, T root, T m, T, T) { move(p, root, m); });
    });
  }

  AdamOptions o_;
  bool decoupled_;
};

// As Adam, with decoupled weight decay.
class AdamW final : public Adam {
 public:
  explicit AdamW(ParameterGroups parameters, const AdamWOptions& o = {})
      : Adam("AdamW", std::move(parameters), {o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad}, true) {}
};

}  // namespace fovea::inline FOVEA_ABI
