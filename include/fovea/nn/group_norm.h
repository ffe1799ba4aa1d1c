// GroupNorm: each sample normalised by the mean and variance of groups of its channels; as many groups as channels is
// instance norm. Layer nn; read nn/module.h and ops/group_norm.h first.
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/group_norm.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct GroupNorm {
  struct Options {
    std::int64_t num_groups = 0, num_channels = 0;
    double eps = 1e-5;
    bool affine = true;
  };

  Tensor<master_t<T>> weight, bias;  // C: ones and zeros; or undefined
  std::int64_t num_groups;
  double eps;

  explicit GroupNorm(const Options& o) : num_groups(o.num_groups), eps(o.eps) {
    if (o.num_groups < 1 || o.num_channels < 1 || o.num_channels % o.num_groups != 0)
      fail("GroupNorm: ", o.num_channels, " channels in ", o.num_groups,
           " groups; the channels must be a positive multiple of the groups");
    if (!(o.eps > 0)) fail("GroupNorm: eps ", o.eps, " must be positive");
    if (!o.affine) return;
    weight = Tensor<master_t<T>>(Shape{o.num_channels}, master_t<T>(1));
    bias = Tensor<master_t<T>>(Shape{o.num_channels});
  }

  // x: N ... C -> the same shape.
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, group_norm(x, num_groups, weight, bias, eps)); }

  static void visit(auto&& self, auto&& v) {
    if (self.weight.defined()) v.parameter("weight", self.weight);
    if (self.bias.defined()) v.parameter("bias", self.bias);
  }
};

}  // namespace fovea::inline FOVEA_ABI
