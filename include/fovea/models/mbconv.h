// MBConv: the inverted residual with squeeze-and-excitation that MobileNetV3 and EfficientNet share: expand 1x1,
// depthwise k x k, squeeze-and-excitation, project 1x1, add. Names are torchvision's ("block.0.0.weight"). Layer
// models; read nn/conv_bn_act.h and nn/squeeze_excitation.h first.
#pragma once

#include <optional>
#include <string>

#include <fovea/nn/conv_bn_act.h>
#include <fovea/nn/squeeze_excitation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/dropout.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct MBConv {
  struct Options {
    std::int64_t in_channels = 0, expanded_channels = 0, out_channels = 0;
    std::int64_t kernel_size = 3, stride = 1;
    Activation activation = Activation::silu;
    std::int64_t squeeze_channels = 0;  // 0: no squeeze-and-excitation
    Activation squeeze_activation = Activation::silu;
    Activation squeeze_gate = Activation::sigmoid;
    PaddingRule padding = PaddingRule::symmetric;
    double eps = 1e-5;
    double momentum = 0.1;        // of batch norm
    double stochastic_depth = 0;  // probability that the branch of a sample is 0, while training
  };

  std::optional<ConvBnAct<T>> expand;  // none where the channels stay
  ConvBnAct<T> depthwise;
  std::optional<SqueezeExcitation<T>> squeeze;
  ConvBnAct<T> project;
  bool residual;
  double stochastic_depth;

  explicit MBConv(const Options& o)
      : depthwise{{.in_channels = o.expanded_channels,
                   .out_channels = o.expanded_channels,
                   .kernel_size = o.kernel_size,
                   .stride = o.stride,
                   .groups = o.expanded_channels,
                   .activation = o.activation,
                   .padding = o.padding,
                   .eps = o.eps,
                   .momentum = o.momentum}},
        project{{.in_channels = o.expanded_channels,
                 .out_channels = o.out_channels,
                 .kernel_size = 1,
                 .activation = Activation::identity,
                 .padding = o.padding,
                 .eps = o.eps,
                 .momentum = o.momentum}},
        residual(o.stride == 1 && o.in_channels == o.out_channels),
        stochastic_depth(o.stochastic_depth) {
    if (o.expanded_channels != o.in_channels)
      expand = ConvBnAct<T>{{.in_channels = o.in_channels,
                             .out_channels = o.expanded_channels,
                             .kernel_size = 1,
                             .activation = o.activation,
                             .padding = o.padding,
                             .eps = o.eps,
                             .momentum = o.momentum}};
    if (o.squeeze_channels > 0)
      squeeze = SqueezeExcitation<T>{{.channels = o.expanded_channels,
                                      .squeeze_channels = o.squeeze_channels,
                                      .activation = o.squeeze_activation,
                                      .gate = o.squeeze_gate}};
  }

  // x: N H W C -> N H' W' O.
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = depthwise(expand ? (*expand)(x) : x);
    if (squeeze) y = (*squeeze)(y);
    y = project(y);
    return tapped(*this, residual ? add(drop_path(y, stochastic_depth), x) : y);
  }

  static void visit(auto&& self, auto&& v) {
    int i = 0;
    const auto next = [&] { return to_text("block.", i++); };
    if (self.expand) v(next(), *self.expand);
    v(next(), self.depthwise);
    if (self.squeeze) v(next(), *self.squeeze);
    v(next(), self.project);
  }
};

}  // namespace fovea::inline FOVEA_ABI
