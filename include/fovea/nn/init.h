// initialize(net, seed): the weights that training starts from. Layer nn; read nn/module.h first.
//
// Convolutions: normal with variance 2 / fan_out (He et al. 2015) and biases of 0, as torchvision's nets; transposed
// convolutions: variance 2 / n for the n products that an output pixel is the sum of, on average; linear layers:
// uniform in +-1 / sqrt(fan_in), PyTorch's default; norms (modules with an eps) keep their ones and zeros. Every
// element is addressed by (seed, tensor, index), so the same net starts the same on every machine.
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

namespace detail {
// He's fan of a module with filters: the output channels and taps of a convolution. A transposed convolution of stride
// s spreads each pixel over s times as many rows and columns, so a pixel of its output gets that much less.
template <class M>
double filter_fan(const M& module) {
  const auto& weight = module.weight;
  const std::int64_t fan = weight.size(0) * weight.size(2) * weight.size(3);
  if constexpr (requires { module.options.output_padding; })
    return static_cast<double>(fan) /
           static_cast<double>(module.options.groups * module.options.stride.h * module.options.stride.w);
  else
    return static_cast<double>(fan);
}
}  // namespace detail

// Fills the parameters of the module and all below it in place.
template <class M>
void initialize(M& net, std::uint64_t seed) {
  std::uint64_t stream = kInitStreams;
  const auto fill = [&](const std::string&, auto& module) {
    if constexpr (requires {
                    module.weight.rank();
                    module.bias.rank();
                  }) {
      auto &weight = module.weight, &bias = module.bias;
      const Philox random(seed, stream++), bias_random(seed, stream++);
      if (requires { module.eps; }) return;  // a norm
      if (weight.rank() == 4) {
        fill_normal(weight, random, std::sqrt(2 / detail::filter_fan(module)));
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
