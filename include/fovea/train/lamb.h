// LAMB: Adam's direction at a rate that follows each parameter's norm, for large batches (You et al. 2020,
// arXiv:1904.00962). Layer train; read adam.h first.
//
//   m, v as in Adam;  r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay p
//   p -= lr |p| / |r| r, the quotient 1 where a norm is 0
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct LAMBOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-6;
  double weight_decay = 1e-2;
};

// State: exp_avg, exp_avg_sq.
class LAMB final : public Optimizer {
 public:
  explicit LAMB(ParameterGroups parameters, const LAMBOptions& options = {})
      : Optimizer("LAMB", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_betas(o_.betas);
    check_at_least_0("eps", o_.eps);
    add_state("exp_avg");
    add_state("exp_avg_sq");
  }
  void set_momentum(double beta1) override { o_.betas[0] = check_fraction("beta1", beta1); }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const auto a = arrays<T, 2>(s, gradient);
      Tensor<T> direction(s.parameter.shape(), uninitialized);
      T* const r = direction.mutable_data();
      find_direction(s, a, r);
      const double p_norm = detail::norm_of(a.n, a.p), r_norm = detail::norm_of(a.n, r);
      const T rate = static_cast<T>(lr_of(s) * (p_norm > 0 && r_norm > 0 ? p_norm / r_norm : 1));
      detail::update_elements<T, 0>(a.n, a.p, r, {}, [=](T& p, T d) { p -= rate * d; });
    });
  }

  template <class T>
  void find_direction(const Slot& s, const Arrays<T, 2>& a, T* direction) const {
    const auto t = static_cast<double>(steps());
    const T decay = static_cast<T>(weight_decay_of(s)), eps = static_cast<T>(o_.eps);
    const T rate1 = static_cast<T>(1 - o_.betas[0]), correction1 = static_cast<T>(1 - std::pow(o_.betas[0], t));
    const T beta2 = static_cast<T>(o_.betas[1]), rate2 = static_cast<T>(1 - o_.betas[1]);
    const T correction2 = static_cast<T>(1 - std::pow(o_.betas[1], t));
    detail::update_elements_with_root<T, 3>(
        a.n, direction, a.g, {a.state[0], a.state[1], a.p},
        [=](T, T g, T& m, T& v, T) {
          m += rate1 * (g - m);
          v = beta2 * v + rate2 * g * g;
          return v / correction2;
        },
        [=](T& r, T, T root, T m, T, T p) { r = m / correction1 / (root + eps) + decay * p; });
  }

  LAMBOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
