// LARS: momentum SGD whose rate follows each parameter's norm, for large batches (You, Gitman and Ginsburg 2017,
// arXiv:1708.03888). Layer train; read sgd.h first.
//
//   trust = trust_coefficient |p| / (|g| + weight_decay |p| + eps), 1 where |p| or |g| is 0
//   v = momentum v + lr trust (g + weight_decay p);  p -= v
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct LARSOptions {
  double lr = 1e-3;
  double momentum = 0.9;
  double weight_decay = 0;
  double trust_coefficient = 1e-3;
  double eps = 1e-8;
};

// State: momentum_buffer.
class LARS final : public Optimizer {
 public:
  explicit LARS(ParameterGroups parameters, const LARSOptions& options = {})
      : Optimizer("LARS", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_at_least_0("trust_coefficient", o_.trust_coefficient);
    check_at_least_0("eps", o_.eps);
    check_at_least_0("momentum", o_.momentum);
    add_state("momentum_buffer");
  }
  void set_momentum(double momentum) override { o_.momentum = check_at_least_0("momentum", momentum); }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const auto a = arrays<T, 1>(s, gradient);
      const double weight_decay = weight_decay_of(s), p_norm = detail::norm_of(a.n, a.p),
                   g_norm = detail::norm_of(a.n, a.g);
      const double trust =
          p_norm > 0 && g_norm > 0 ? o_.trust_coefficient * p_norm / (g_norm + weight_decay * p_norm + o_.eps) : 1;
      const T rate = static_cast<T>(lr_of(s) * trust), decay = static_cast<T>(weight_decay);
      const T momentum = static_cast<T>(o_.momentum);
      a.each([=](T& p, T g, T& v) {
        v = momentum * v + rate * (g + decay * p);
        p -= v;
      });
    });
  }

  LARSOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
