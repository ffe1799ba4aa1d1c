// RMSprop (Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850). Layer train; read optimizer.h first.
//
//   g += weight_decay p;  q = alpha q + (1 - alpha) g^2;  d = g / (sqrt(q) + eps)
//   centered: a = alpha a + (1 - alpha) g, and q - a^2 under the root
//   p -= lr d, with momentum v = momentum v + d, p -= lr v
#pragma once

#include <algorithm>

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
};

// State: square_avg; momentum_buffer if there is a momentum; grad_avg if centered.
class RMSprop final : public Optimizer {
 public:
  explicit RMSprop(ParameterGroups parameters, const RMSpropOptions& options = {})
      : Optimizer("RMSprop", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_fraction("alpha", o_.alpha);
    check_at_least_0("eps", o_.eps);
    check_at_least_0("momentum", o_.momentum);
    add_state("square_avg");
    if (has_momentum()) add_state("momentum_buffer");
    if (o_.centered) add_state("grad_avg");
  }
  void set_momentum(double momentum) override {
    if (!has_momentum()) fail("RMSprop: was made without momentum, which cannot be set to ", momentum, " now");
    momentum_ = check_at_least_0("momentum", momentum);
  }

 private:
  bool has_momentum() const { return o_.momentum > 0; }

  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T lr = static_cast<T>(lr_of(s)), decay = static_cast<T>(weight_decay_of(s)), eps = static_cast<T>(o_.eps);
      const T alpha = static_cast<T>(o_.alpha), rate = static_cast<T>(1 - o_.alpha);
      const T momentum = static_cast<T>(momentum_);
      const auto square = [=](T p, T g, T& q) {
        const T d = g + decay * p;
        return q = alpha * q + rate * d * d;
      };
      // Rounding may bring q below a^2 where gradients repeat.
      const auto variance = [=](T p, T g, T& q, T& a) {
        square(p, g, q);
        a += rate * (g + decay * p - a);
        return std::max(q - a * a, T(0));
      };
      const auto plain = [=](T& p, T g, T root) { p -= lr * ((g + decay * p) / (root + eps)); };
      const auto heavy = [=](T& p, T g, T root, T& v) {
        v = momentum * v + (g + decay * p) / (root + eps);
        p -= lr * v;
      };
      if (has_momentum() && o_.centered)
        arrays<T, 3>(s, gradient)
            .each_with_root([=](T p, T g, T& q, T, T& a) { return variance(p, g, q, a); },
                            [=](T& p, T g, T root, T, T& v, T) { heavy(p, g, root, v); });
      else if (has_momentum())
        arrays<T, 2>(s, gradient)
            .each_with_root([=](T p, T g, T& q, T) { return square(p, g, q); },
                            [=](T& p, T g, T root, T, T& v) { heavy(p, g, root, v); });
      else if (o_.centered)
        arrays<T, 2>(s, gradient)
            .each_with_root([=](T p, T g, T& q, T& a) { return variance(p, g, q, a); },
                            [=](T& p, T g, T root, T, T) { plain(p, g, root); });
      else
        arrays<T, 1>(s, gradient)
            .each_with_root([=](T p, T g, T& q) { return square(p, g, q); },
                            [=](T& p, T g, T root, T) { plain(p, g, root); });
    });
  }

  RMSpropOptions o_;
  double momentum_ = o_.momentum;
};

}  // namespace fovea::inline FOVEA_ABI
