// Conv2d: a convolution with its weight and bias. Layer nn; read nn/module.h and ops/conv2d.h first.
//
//   Conv2d<> conv{{.in_channels = 64, .out_channels = 128, .kernel_size = 3, .padding = 1, .bias = false}};
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/conv2d.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct Conv2d {
  struct Options {
    std::int64_t in_channels = 0, out_channels = 0;
    Size2 kernel_size = 1, stride = 1;
    Padding padding = 0;
    Size2 dilation = 1;
    std::int64_t groups = 1;
    bool bias = true;
  };

  Tensor<master_t<T>> weight;  // O x I/groups x KH x KW, zeros until loaded
  Tensor<master_t<T>> bias;    // O, or undefined
  Conv2dOptions options;

  explicit Conv2d(const Options& o)
      : options{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups} {
    if (o.in_channels < 1 || o.out_channels < 1 || o.groups < 1 || o.in_channels % o.groups ||
        o.out_channels % o.groups)
      fail("Conv2d: ", o.in_channels, " input and ", o.out_channels, " output channels in ", o.groups,
           " groups; both must be positive multiples of groups");
    check_window("Conv2d", {o.kernel_size, o.stride, o.dilation, o.padding});
    weight = Tensor<master_t<T>>({o.out_channels, o.in_channels / o.groups, o.kernel_size.h, o.kernel_size.w});
    if (o.bias) bias = Tensor<master_t<T>>({o.out_channels});
  }

  // x: N H W C -> N H' W' O.
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, conv2d(x, weight, bias, options)); }

  // Multiply-adds of one call with an output of this shape.
  std::int64_t macs(const Shape& y) const { return y.numel() * (weight.numel() / weight.size(0)); }

  static void visit(auto&& self, auto&& v) {
    v.parameter("weight", self.weight);
    if (self.bias.defined()) v.parameter("bias", self.bias);
  }
};

}  // namespace fovea::inline FOVEA_ABI
