// Batch norm (Ioffe and Szegedy 2015) with stored and with batch statistics. Layer ops.
//
//   y = (x - mean) / sqrt(var + eps) * weight + bias      for each channel
//
// x: ...xC; the vectors: C, master_t<T>; weight and bias may be undefined (1 and 0).
#pragma once

#include <cmath>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/core/training.h>
#include <fovea/cpu/channel_dot/args.h>
#include <fovea/cpu/norm_grad/args.h>
#include <fovea/cpu/scale_shift/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/channel_dot/table.h>
#  include <fovea/cpu/norm_grad/table.h>
#  include <fovea/cpu/scale_shift/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class T>
void check_batch_norm(const Tensor<T>& x, const Tensor<master_t<T>>& running_mean,
                      const Tensor<master_t<T>>& running_var, const Tensor<master_t<T>>& weight,
                      const Tensor<master_t<T>>& bias) {
  check_defined("batch_norm", "input", x);
  if (x.rank() < 1) fail("batch_norm: input ", x.shape(), " has no channels, ...xC is wanted");
  check_channels("batch_norm", x, "running_mean", running_mean);
  check_channels("batch_norm", x, "running_var", running_var);
  if (weight.defined()) check_channels("batch_norm", x, "weight", weight);
  if (bias.defined()) check_channels("batch_norm", x, "bias", bias);
}

inline std::int64_t pixels_of(const Shape& s) { return s[-1] == 0 ? 0 : s.numel() / s[-1]; }

// y = x * scale + shift; both are computed in double and rounded once to the parameters' type.
template <class T>
Tensor<T> normalize(const Tensor<T>& x, const std::vector<double>& mean, const std::vector<double>& inverse,
                    const Tensor<master_t<T>>& weight, const Tensor<master_t<T>>& bias) {
  std::vector<master_t<T>> scale(mean.size()), shift(mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double s = (weight.defined() ? static_cast<double>(weight.data()[c]) : 1.0) * inverse[c];
    const double b = bias.defined() ? static_cast<double>(bias.data()[c]) : 0.0;
    scale[c] = static_cast<master_t<T>>(s);
    shift[c] = static_cast<master_t<T>>(b - mean[c] * s);
  }
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const ScaleShiftArgs<T> args = {.pixels = pixels_of(x.shape()),
                                  .channels = x.size(-1),
                                  .x = x.data(),
                                  .scale = scale.data(),
                                  .shift = shift.data(),
                                  .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return y;
}

// sum and dot of each channel (cpu/channel_dot/args.h).
struct ChannelSums {
  std::vector<double> sum, dot;
};
template <class T>
ChannelSums channel_sums(const Tensor<T>& a, const std::vector<master_t<T>>& a_shift, const Tensor<T>& b,
                         const std::vector<master_t<T>>& b_shift) {
  ChannelSums sums{std::vector<double>(a_shift.size()), std::vector<double>(a_shift.size())};
  const ChannelDotArgs<T> args = {.pixels = pixels_of(a.shape()),
                                  .channels = a.size(-1),
                                  .a = a.data(),
                                  .b = b.data(),
                                  .a_shift = a_shift.data(),
                                  .b_shift = b_shift.data(),
                                  .sum = sums.sum.data(),
                                  .dot = sums.dot.data()};
  choose(args, a.device()).run(args);
  return sums;
}

// Mean and biased variance of each channel. Deviations are taken from the first pixel, which keeps the digits of a
// channel whose mean is far from 0.
struct ChannelMoments {
  std::vector<double> mean, var;
};
template <class T>
ChannelMoments channel_moments(const Tensor<T>& x) {
  std::vector<master_t<T>> shift(static_cast<std::size_t>(x.size(-1)));
  for (std::size_t c = 0; c < shift.size(); ++c) shift[c] = static_cast<master_t<T>>(x.data()[c]);
  ChannelSums s = channel_sums(x, shift, x, shift);
  const auto count = static_cast<double>(pixels_of(x.shape()));
  for (std::size_t c = 0; c < shift.size(); ++c) {
    const double offset = s.sum[c] / count;
    s.sum[c] = static_cast<double>(shift[c]) + offset;
    s.dot[c] = std::max(0.0, s.dot[c] / count - offset * offset);
  }
  return {std::move(s.sum), std::move(s.dot)};
}

// What the gradient of a batch norm keeps and reads.
template <class T>
struct BatchNormBackward {
  using M = master_t<T>;
  Saved<T> x;
  Saved<M> weight;
  std::vector<double> mean, inverse;
  ValueId x_id, weight_id, bias_id;
  bool batch;  // the statistics are x's own, so they have a gradient too

  void operator()(Gradients& g, const Tensor<T>& dy) const {
    const std::vector<M> zero(mean.size(), M(0)), centre(mean.begin(), mean.end());
    ChannelSums sums;
    if (batch || g.wants(weight_id) || g.wants(bias_id)) {
      // The gradient of the bias alone, or of x by stored statistics, keeps no x; dy stands in.
      sums = channel_sums(dy, zero, x ? x.get() : dy, x ? centre : zero);
    }
    if (g.wants(weight_id)) g.add(weight_id, vector_of(sums.dot, inverse));
    if (g.wants(bias_id)) g.add(bias_id, vector_of(sums.sum, std::vector<double>(mean.size(), 1.0)));
    if (g.wants(x_id)) g.add(x_id, input_gradient(dy, sums, centre));
  }

 private:
  static Tensor<M> vector_of(const std::vector<double>& v, const std::vector<double>& factor) {
    Tensor<M> t({static_cast<std::int64_t>(v.size())}, uninitialized);
    M* to = t.mutable_data();
    for (std::size_t c = 0; c < v.size(); ++c) to[c] = static_cast<M>(v[c] * factor[c]);
    return t;
  }

  // dx = s (dy - mean(dy) - (x - mean) mean(dy (x - mean)) / (var + eps)) with s = weight / sqrt(var + eps), the last
  // two terms only for batch statistics.
  Tensor<T> input_gradient(const Tensor<T>& dy, const ChannelSums& sums, const std::vector<M>& centre) const {
    std::vector<M> scale(mean.size()), slope(mean.size()), shift(mean.size());
    const auto count = static_cast<double>(pixels_of(dy.shape()));
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double s = (weight ? static_cast<double>(weight.get().data()[c]) : 1.0) * inverse[c];
      scale[c] = static_cast<M>(s);
      if (!batch) continue;
      slope[c] = static_cast<M>(-s * inverse[c] * inverse[c] * sums.dot[c] / count);
      shift[c] = static_cast<M>(-s * sums.sum[c] / count);
    }
    Tensor<T> dx(dy.shape(), uninitialized, dy.device());
    const std::int64_t pixels = pixels_of(dy.shape()), channels = dy.size(-1);
    if (batch) {
      const NormGradArgs<T> args = {pixels,        channels,     dy.data(),    x.get().data(),   scale.data(),
                                    centre.data(), slope.data(), shift.data(), dx.mutable_data()};
      choose(args, dy.device()).run(args);
    } else {
      const ScaleShiftArgs<T> args = {pixels, channels, dy.data(), scale.data(), shift.data(), dx.mutable_data()};
      choose(args, dy.device()).run(args);
    }
    return dx;
  }
};

template <class T>
BatchNormBackward<T> batch_norm_backward(const Tensor<T>& x, const Tensor<master_t<T>>& weight,
                                         const Tensor<master_t<T>>& bias, std::vector<double> mean,
                                         std::vector<double> inverse, bool batch) {
  const bool keep_x = wanted(weight) || (batch && wanted(x));
  return {saved_if(keep_x, x, "batch_norm: input"),
          saved_if(wanted(x), weight, "batch_norm: weight"),
          std::move(mean),
          std::move(inverse),
          x.id(),
          weight.id(),
          bias.id(),
          batch};
}
}  // namespace detail

// Batch norm with stored statistics, the evaluation form. Errors: a vector whose length is not C; a variance + eps that
// is not above 0. Gradients: x, weight, bias.
template <class T>
requires is_floating<T> Tensor<T> batch_norm(const Tensor<T>& x, const Tensor<master_t<T>>& running_mean,
                                             const Tensor<master_t<T>>& running_var, const Tensor<master_t<T>>& weight,
                                             const Tensor<master_t<T>>& bias, double eps) {
  detail::check_batch_norm(x, running_mean, running_var, weight, bias);
  std::vector<double> mean(static_cast<std::size_t>(x.size(-1))), inverse(mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double variance = static_cast<double>(running_var.data()[c]) + eps;
    if (!(variance > 0))
      fail("batch_norm: running_var + eps of channel ", c, " is ", variance, ", more than 0 is wanted");
    mean[c] = static_cast<double>(running_mean.data()[c]);
    inverse[c] = 1 / std::sqrt(variance);
  }
  const Tensor<T> y = detail::normalize(x, mean, inverse, weight, bias);
  return record(
      "batch_norm",
      [&] {
        return Attributes{{"eps", eps}};
      },
      {x.id(), running_mean.id(), running_var.id(), weight.id(), bias.id()}, y,
      detail::batch_norm_backward(x, weight, bias, std::move(mean), std::move(inverse), false));
}

// Batch norm with the statistics of x over all but the last dimension, the training form; inside a Training scope. The
// scope files running = (1 - momentum) running + momentum statistic, with the unbiased variance, until its commit.
// Errors: no scope; fewer than two pixels; a vector whose length is not C.
template <class T>
requires is_floating<T> Tensor<T> batch_norm_train(const Tensor<T>& x, const Tensor<master_t<T>>& running_mean,
                                                   const Tensor<master_t<T>>& running_var,
                                                   const Tensor<master_t<T>>& weight, const Tensor<master_t<T>>& bias,
                                                   double eps, double momentum = 0.1) {
  detail::check_batch_norm(x, running_mean, running_var, weight, bias);
  Training* scope = Training::current();
  if (!scope) fail("batch_norm_train: outside a Training scope, which keeps the statistics");
  const std::int64_t pixels = detail::pixels_of(x.shape());
  if (pixels < 2)
    fail("batch_norm_train: input ", x.shape(), " has ", pixels, " values a channel, 2 or more are wanted");
  detail::ChannelMoments moments = detail::channel_moments(x);
  std::vector<double> inverse(moments.var.size());
  for (std::size_t c = 0; c < inverse.size(); ++c) {
    inverse[c] = 1 / std::sqrt(moments.var[c] + eps);
    moments.var[c] *= static_cast<double>(pixels) / static_cast<double>(pixels - 1);
  }
  const Tensor<T> y = detail::normalize(x, moments.mean, inverse, weight, bias);
  scope->file(running_mean, moments.mean, momentum);
  scope->file(running_var, std::move(moments.var), momentum);
  return record(
      "batch_norm_train",
      [&] {
        return Attributes{{"eps", eps}, {"momentum", momentum}};
      },
      {x.id(), weight.id(), bias.id()}, y,
      detail::batch_norm_backward(x, weight, bias, std::move(moments.mean), std::move(inverse), true));
}

}  // namespace fovea::inline FOVEA_ABI
