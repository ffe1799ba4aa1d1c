// Adagrad (Duchi, Hazan and Singer 2011) and Adadelta (Zeiler 2012, arXiv:1212.5701): rates out of the gradients so
// far. Layer train; read optimizer.h first.
#pragma once

#include <fovea/train/optimizer.h>

namespace fovea::inline FOVEA_ABI {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
};

// g += weight_decay p;  q += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(q) + eps). State: sum.
class Adagrad final : public Optimizer {
 public:
  explicit Adagrad(ParameterGroups parameters, const AdagradOptions& options = {})
      : Optimizer("Adagrad", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_at_least_0("lr_decay", o_.lr_decay);
    check_at_least_0("eps", o_.eps);
    add_state("sum", check_at_least_0("initial_accumulator_value", o_.initial_accumulator_value));
  }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T decay = static_cast<T>(weight_decay_of(s)), eps = static_cast<T>(o_.eps);
      const T lr = static_cast<T>(lr_of(s) / (1 + static_cast<double>(steps() - 1) * o_.lr_decay));
      arrays<T, 1>(s, gradient)
          .each_with_root(
              [=](T p, T g, T& q) {
                const T d = g + decay * p;
                return q += d * d;
              },
              [=](T& p, T g, T root, T) { p -= lr * ((g + decay * p) / (root + eps)); });
    });
  }

  AdagradOptions o_;
};

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
};

// g += weight_decay p;  q = rho q + (1 - rho) g^2;  d = sqrt((u + eps) / (q + eps)) g;  u = rho u + (1 - rho) d^2;
// p -= lr d. State: square_avg (q), acc_delta (u).
class Adadelta final : public Optimizer {
 public:
  explicit Adadelta(ParameterGroups parameters, const AdadeltaOptions& options = {})
      : Optimizer("Adadelta", std::move(parameters), options.lr, options.weight_decay), o_(options) {
    check_fraction("rho", o_.rho);
    if (!(o_.eps > 0)) fail("Adadelta: eps is ", o_.eps, ", a number above 0 is wanted (without it nothing moves)");
    add_state("square_avg");
    add_state("acc_delta");
  }

 private:
  void update(Slot& s, const AnyTensor& gradient) override {
    with_type(s, [&]<class T>(T) {
      const T lr = static_cast<T>(lr_of(s)), decay = static_cast<T>(weight_decay_of(s)), eps = static_cast<T>(o_.eps);
      const T rho = static_cast<T>(o_.rho), rate = static_cast<T>(1 - o_.rho);
      arrays<T, 2>(s, gradient)
          .each_with_root(
              [=](T p, T g, T& q, T& u) {
                const T d = g + decay * p;
                q = rho * q + rate * d * d;
                return (u + eps) / (q + eps);
              },
              [=](T& p, T g, T root, T, T& u) {
                const T d = root * (g + decay * p);
                u = rho * u + rate * d * d;
                p -= lr * d;
              });
    });
  }

  AdadeltaOptions o_;
};

}  // namespace fovea::inline FOVEA_ABI
