// initialize(net, seed): the weights that training starts from. Layer nn; read nn/module.h first.
//
// Convolutions: normal with variance 2 / fan_out (He et al. 2015) and biases of 0, as torchvision's nets; linear
// layers: uniform in +-1 / sqrt(fan_in), PyTorch's default; norms keep their ones and zeros. Every element is addressed
// by (seed, tensor, index), so the same net starts the same on every machine.
#pragma once

#include <cmath>
#include <string>

#include <fovea/core/random.h>
#include <fovea/nn/module.h>

namespace fovea::inline FOVEA_ABI {

// Normal with this standard deviation; uniform in [-bound, bound).
template <Element T>
void fill_normal(Tensor<T>& t, const Philox& random, double deviation) {
  T* to = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    to[i] = static_cast<T>(deviation * random.normal(static_cast<std::uint64_t>(i)));
}
template <Element T>
void fill_uniform(Tensor<T>& t, const Philox& random, double bound) {
  T* to = t.mutable_data();
  for (std::int64_t i = 0; i < t.numel(); ++i)
    to[i] = static_cast<T>(bound * (2 * random.uniform_double(static_cast<std::uint64_t>(i)) - 1));
}

// Fills the parameters of the module and all below it in place.
template <class M>
void initialize(M& net, std::uint64_t seed) {
  std::uint64_t stream = 0;
  const auto fill = [&](const std::string&, auto& module) {
    if constexpr (requires {
                    module.weight.rank();
                    module.bias.rank();
                  }) {
      auto &weight = module.weight, &bias = module.bias;
      const Philox random(seed, stream++), bias_random(seed, stream++);
      if (weight.rank() == 4) {
        const auto fan_out = static_cast<double>(weight.size(0) * weight.size(2) * weight.size(3));
        fill_normal(weight, random, std::sqrt(2 / fan_out));
        if (bias.defined()) fill_uniform(bias, bias_random, 0);
      } else if (weight.rank() == 2) {
        const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
        fill_uniform(weight, random, bound);
        if (bias.defined()) fill_uniform(bias, bias_random, bound);
      }
    }
  };
  fill("", net);
  for_each_module(net, fill);
}

}  // namespace fovea::inline FOVEA_ABI
