// BatchNorm2d: scale and shift per channel, with running statistics, or with the batch's own inside a Training scope
// (core/training.h). Layer nn; read nn/module.h and ops/norm.h first. eps belongs to the network that the weights were
// trained in: PyTorch's default is 1e-5, TensorFlow's and MobileNetV3's is 1e-3, and a file of weights does not say
// which.
#pragma once

#include <fovea/nn/module.h>
#include <fovea/ops/norm.h>

namespace fovea::inline FOVEA_ABI {

template <Element T = float>
struct BatchNorm2d {
  struct Options {
    std::int64_t num_features = 0;
    double eps = 1e-5;
    double momentum = 0.1;  // of a new statistic in the running one
  };

  Tensor<master_t<T>> weight, bias;               // C: ones and zeros
  Tensor<master_t<T>> running_mean, running_var;  // C: zeros and ones
  double eps, momentum;
  bool frozen = false;  // running statistics also inside a Training scope, as fine-tuning wants it below what it trains

  explicit BatchNorm2d(const Options& o) : eps(o.eps), momentum(o.momentum) {
    if (o.num_features < 1) fail("BatchNorm2d: ", o.num_features, " features; at least 1 is wanted");
    if (!(o.eps > 0)) fail("BatchNorm2d: eps ", o.eps, " must be positive");
    if (!(o.momentum >= 0 && o.momentum <= 1)) fail("BatchNorm2d: momentum ", o.momentum, ", 0 to 1 is wanted");
    const Shape c{o.num_features};
    weight = Tensor<master_t<T>>(c, master_t<T>(1));
    bias = Tensor<master_t<T>>(c);
    running_mean = Tensor<master_t<T>>(c);
    running_var = Tensor<master_t<T>>(c, master_t<T>(1));
  }

  // x: N H W C -> the same shape.
  Tensor<T> operator()(const Tensor<T>& x) const {
    const bool train = Training::current() && !frozen;
    return tapped(*this, train ? batch_norm_train(x, running_mean, running_var, weight, bias, eps, momentum)
                               : batch_norm(x, running_mean, running_var, weight, bias, eps));
  }

  static void visit(auto&& self, auto&& v) {
    v.parameter("weight", self.weight);
    v.parameter("bias", self.bias);
    v.buffer("running_mean", self.running_mean);
    v.buffer("running_var", self.running_var);
  }
};

}  // namespace fovea::inline FOVEA_ABI
