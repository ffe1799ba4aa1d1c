// Linear: y = x W^T + b with its weight and bias. Layer nn; read nn/module.h and ops/linear.h first.
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/linear.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct Linear {
  struct Options {
    std::int64_t in_features = 0, out_features = 0;
    bool bias = true;
  };

  Tensor<master_t<T>> weight;  // out x in, zeros until loaded
  Tensor<master_t<T>> bias;    // out, or undefined

  explicit Linear(const Options& o) {
    if (o.in_features < 1 || o.out_features < 1)
      fail("Linear: ", o.in_features, " input and ", o.out_features, " output features; both must be at least 1");
    weight = Tensor<master_t<T>>({o.out_features, o.in_features});
    if (o.bias) bias = Tensor<master_t<T>>({o.out_features});
  }

  // x: ... x in -> ... x out.
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, linear(x, weight, bias)); }

  // Multiply-adds of one call with an output of this shape.
  std::int64_t macs(const Shape& y) const { return y.numel() * weight.size(1); }

  static void visit(auto&& self, auto&& v) {
    v.parameter("weight", self.weight);
    if (self.bias.defined()) v.parameter("bias", self.bias);
  }
};

}  // namespace fovea::inline FOVEA_ABI
