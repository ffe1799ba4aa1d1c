// Dropout and DropPath: random zeros inside a Training scope, nothing elsewhere. They hold no parameters. Layer nn;
// read nn/module.h and ops/dropout.h first.
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/dropout.h>

namespace fovea::inline FOVEA_ABI {

// Zeros single elements.
template <Element T = float>
struct Dropout {
  struct Options {
    double p = 0.5;  // probability of a zero
  };
  double p;

  explicit Dropout(const Options& o = {}) : p(o.p) {
    if (!(p >= 0 && p < 1)) fail("Dropout: p ", p, ", a probability in [0, 1) is wanted");
  }
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, dropout(x, p)); }
  static void visit(auto&&, auto&&) {}
};

// Zeros whole samples: for the branch of a residual block (torchvision's StochasticDepth of mode "row").
template <Element T = float>
struct DropPath {
  struct Options {
    double p = 0;
  };
  double p;

  explicit DropPath(const Options& o = {}) : p(o.p) {
    if (!(p >= 0 && p < 1)) fail("DropPath: p ", p, ", a probability in [0, 1) is wanted");
  }
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, drop_path(x, p)); }
  static void visit(auto&&, auto&&) {}
};

}  // namespace fovea::inline FOVEA_ABI
