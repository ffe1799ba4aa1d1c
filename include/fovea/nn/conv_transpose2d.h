// ConvTranspose2d: a transposed convolution with its weight and bias, which makes maps larger. Layer nn; read
// nn/module.h and ops/conv_transpose2d.h first.
//
//   ConvTranspose2d<> up{{.in_channels = 256, .out_channels = 128, .kernel_size = 4, .stride = 2, .padding = 1}};
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/conv_transpose2d.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct ConvTranspose2d {
  struct Options {
    std::int64_t in_channels = 0, out_channels = 0;
    Size2 kernel_size = 1, stride = 1;
    Padding padding = 0;
    Size2 output_padding = 0;
    Size2 dilation = 1;
    std::int64_t groups = 1;
    bool bias = true;
  };

  Tensor<master_t<T>> weight;  // I x O/groups x KH x KW, zeros until loaded
  Tensor<master_t<T>> bias;    // O, or undefined
  ConvTranspose2dOptions options;

  explicit ConvTranspose2d(const Options& o)
      : options{.stride = o.stride,
                .padding = o.padding,
                .output_padding = o.output_padding,
                .dilation = o.dilation,
                .groups = o.groups} {
    if (o.in_channels < 1 || o.out_channels < 1 || o.groups < 1 || o.in_channels % o.groups ||
        o.out_channels % o.groups)
      fail("ConvTranspose2d: ", o.in_channels, " input and ", o.out_channels, " output channels in ", o.groups,
           " groups; both must be positive multiples of groups");
    check_window("ConvTranspose2d", {o.kernel_size, o.stride, o.dilation, o.padding});
    weight = Tensor<master_t<T>>({o.in_channels, o.out_channels / o.groups, o.kernel_size.h, o.kernel_size.w});
    if (o.bias) bias = Tensor<master_t<T>>({o.out_channels});
  }

  // x: N H W C -> N H' W' O.
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, conv_transpose2d(x, weight, bias, options)); }

  // Multiply-adds of one call with an output of this shape: every input pixel meets every weight once.
  std::int64_t macs(const Shape& y) const {
    const auto input = [](std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                          std::int64_t padding, std::int64_t extra) {
      return (out - 1 - extra - dilation * (kernel - 1) + padding) / stride + 1;
    };
    const ConvTranspose2dOptions& o = options;
    return y[0] * weight.numel() *
           input(y[1], weight.size(2), o.stride.h, o.dilation.h, o.padding.top + o.padding.bottom, o.output_padding.h) *
           input(y[2], weight.size(3), o.stride.w, o.dilation.w, o.padding.left + o.padding.right, o.output_padding.w);
  }

  static void visit(auto&& self, auto&& v) {
    v.parameter("weight", self.weight);
    if (self.bias.defined()) v.parameter("bias", self.bias);
  }
};

}  // namespace fovea::inline FOVEA_ABI
