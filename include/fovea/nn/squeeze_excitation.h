// SqueezeExcitation: each channel is scaled by a gate computed from the mean of all of them (Hu et al. 2018,
// arXiv:1709.01507), with torchvision's child names. Layer nn; read nn/conv2d.h first.
#pragma once

#include <fovea/nn/conv2d.h>
#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/pool.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct SqueezeExcitation {
  struct Options {
    std::int64_t channels = 0, squeeze_channels = 0;
    Activation activation = Activation::relu;
    Activation gate = Activation::sigmoid;
  };

  Conv2d<T> fc1, fc2;  // 1x1 with bias: the files keep them as convolutions
  Activation activation, gate;

  explicit SqueezeExcitation(const Options& o)
      : fc1{{.in_channels = o.channels, .out_channels = o.squeeze_channels}},
        fc2{{.in_channels = o.squeeze_channels, .out_channels = o.channels}},
        activation(o.activation),
        gate(o.gate) {}

  // x: N H W C -> x * gate(fc2(activation(fc1(mean over H and W)))).
  Tensor<T> operator()(const Tensor<T>& x) const {
    const Tensor<T> mean = adaptive_avg_pool2d(x, 1);  // N 1 1 C
    return tapped(*this, mul(x, activate(fc2(activate(fc1(mean), activation)), gate)));
  }

  static void visit(auto&& self, auto&& v) {
    v("fc1", self.fc1);
    v("fc2", self.fc2);
  }
};

}  // namespace fovea::inline FOVEA_ABI
