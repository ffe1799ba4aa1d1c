// SGD: stochastic gradient descent with momentum. Layer train; read optimizer.h first.
//
//   d = g + weight_decay p;  v = momentum v + (1 - dampening) d, in the first step v = d;
//   p -= lr v, with Nesterov's momentum lr (d + momentum v)        (Sutskever et al. 2013, as torch.optim.SGD has it)
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};

// State: momentum_buffer (none if momentum is 0).
class SGD final : public Optimizer {
 public:
  explicit SGD(ParameterGroups parameters, const SGDOptions& options = {})
      : Optimizer("SGD", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_at_least_0("momentum", o_.momentum);
    if (o_.nesterov && (o_.momentum == 0 || o_.dampening != 0))
      fail("SGD: nesterov wants a momentum and no dampening, momentum is ", o_.momentum, ", dampening ", o_.dampening);
    if (has_momentum()) add_state("momentum_buffer");
  }
  void set_momentum(double momentum) override {
    if (!has_momentum()) fail("SGD: was made without momentum, which cannot be set to ", momentum, " now");
    momentum_ = check_at_least_0("momentum", momentum);
  }

 private:
  bool has_momentum() const { return o_.momentum > 0; }

  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T lr = static_cast<T>(lr_of(s)), decay = static_cast<T>(weight_decay_of(s)), sign = T(o_.maximize ? -1 : 1);
      if (!has_momentum()) return arrays<T, 0>(s, gradient).each([=](T& p, T g) { p -= lr * (sign * g + decay * p); });
      const T momentum = static_cast<T>(momentum_), keep = static_cast<T>(steps() == 1 ? 1 : 1 - o_.dampening);
      if (o_.nesterov)
        return arrays<T, 1>(s, gradient).each([=](T& p, T g, T& v) {
          const T d = sign * g + decay * p;
          v = momentum * v + keep * d;
          p -= lr * (d + momentum * v);
        });
      arrays<T, 1>(s, gradient).each([=](T& p, T g, T& v) {
        v = momentum * v + keep * (sign * g + decay * p);
        p -= lr * v;
      });
    });
  }

  SGDOptions o_;
  double momentum_ = o_.momentum;
};

}  // namespace fovea::inline FOVEA_ABI
