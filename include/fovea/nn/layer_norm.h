// LayerNorm: each sample (or pixel) normalised by its own mean and variance. Layer nn; read nn/module.h and
// ops/layer_norm.h first.
//
//   LayerNorm<> norm{{.normalized_shape = {96}, .eps = 1e-6}};   // of the channels of each pixel, as ConvNeXt has it
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/layer_norm.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct LayerNorm {
  struct Options {
    Shape normalized_shape;  // the last dimensions of the input
    double eps = 1e-5;
    bool elementwise_affine = true;  // a weight, and a bias if that is true too
    bool bias = true;
  };

  Tensor<master_t<T>> weight, bias;  // normalized_shape: ones and zeros; or undefined
  Shape normalized_shape;
  double eps;

  explicit LayerNorm(const Options& o) : normalized_shape(o.normalized_shape), eps(o.eps) {
    if (o.normalized_shape.rank() < 1 || o.normalized_shape.numel() < 1)
      fail("LayerNorm: normalized_shape ", o.normalized_shape, "; one dimension or more, none of size 0, are wanted");
    if (!(o.eps > 0)) fail("LayerNorm: eps ", o.eps, " must be positive");
    if (!o.elementwise_affine) return;
    weight = Tensor<master_t<T>>(normalized_shape, master_t<T>(1));
    if (o.bias) bias = Tensor<master_t<T>>(normalized_shape);
  }

  // x: ... x normalized_shape -> the same shape.
  Tensor<T> operator()(const Tensor<T>& x) const {
    return tapped(*this, layer_norm(x, normalized_shape, weight, bias, eps));
  }

  static void visit(auto&& self, auto&& v) {
    if (self.weight.defined()) v.parameter("weight", self.weight);
    if (self.bias.defined()) v.parameter("bias", self.bias);
  }
};

}  // namespace fovea::inline FOVEA_ABI
