// ConvBnAct: convolution, batch norm, activation; torchvision's Conv2dNormActivation, with its child names "0" and "1".
// Layer nn; read nn/conv2d.h and nn/batch_norm2d.h first.
#pragma once

#include <fovea/nn/batch_norm2d.h>
#include <fovea/nn/conv2d.h>
#include <fovea/nn/padding_rule.h>
#include <fovea/ops/activation.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct ConvBnAct {
  struct Options {
    std::int64_t in_channels = 0, out_channels = 0;
    Size2 kernel_size = 3, stride = 1;
    std::int64_t groups = 1;
    Activation activation = Activation::relu;
    PaddingRule padding = PaddingRule::symmetric;
    double eps = 1e-5;
    double momentum = 0.1;  // of batch norm
  };

  Conv2d<T> conv;
  BatchNorm2d<T> bn;
  Activation activation;

  explicit ConvBnAct(const Options& o)
      : conv{{.in_channels = o.in_channels,
              .out_channels = o.out_channels,
              .kernel_size = o.kernel_size,
              .stride = o.stride,
              .padding = padding_for(o.padding, o.kernel_size),
              .groups = o.groups,
              .bias = false}},
        bn{{.num_features = o.out_channels, .eps = o.eps, .momentum = o.momentum}},
        activation(o.activation) {}

  // x: N H W C -> N H' W' O.
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, activate(bn(conv(x)), activation)); }

  static void visit(auto&& self, auto&& v) {
    v("0", self.conv);
    v("1", self.bn);
  }
};

}  // namespace fovea::inline FOVEA_ABI
