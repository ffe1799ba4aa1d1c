// Normalisation with stored statistics. Layer ops.
#pragma once

#include <cmath>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/scale_shift/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/scale_shift/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// Batch norm in its evaluation form (Ioffe and Szegedy 2015): y = (x - running_mean) / sqrt(running_var + eps) * weight
// + bias for each channel. x: ...xC, the other four: C; weight and bias may be undefined (1 and 0). Scale and shift of
// a channel are computed in double and rounded once to the parameters' type. Errors: a vector whose length is not C; a
// variance + eps that is not above 0.
template <class T>
requires is_floating<T> Tensor<T> batch_norm(const Tensor<T>& x, const Tensor<master_t<T>>& running_mean,
                                             const Tensor<master_t<T>>& running_var, const Tensor<master_t<T>>& weight,
                                             const Tensor<master_t<T>>& bias, double eps) {
  detail::check_defined("batch_norm", "input", x);
  if (x.rank() < 1) fail("batch_norm: input ", x.shape(), " has no channels, ...xC is wanted");
  detail::check_channels("batch_norm", x, "running_mean", running_mean);
  detail::check_channels("batch_norm", x, "running_var", running_var);
  if (weight.defined()) detail::check_channels("batch_norm", x, "weight", weight);
  if (bias.defined()) detail::check_channels("batch_norm", x, "bias", bias);

  const std::int64_t channels = x.size(-1);
  std::vector<master_t<T>> scale(static_cast<std::size_t>(channels)), shift(scale.size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double variance = static_cast<double>(running_var.data()[c]) + eps;
    if (!(variance > 0))
      fail("batch_norm: running_var + eps of channel ", c, " is ", variance, ", more than 0 is wanted");
    const double s = (weight.defined() ? static_cast<double>(weight.data()[c]) : 1.0) / std::sqrt(variance);
    const double b = bias.defined() ? static_cast<double>(bias.data()[c]) : 0.0;
    scale[c] = static_cast<master_t<T>>(s);
    shift[c] = static_cast<master_t<T>>(b - static_cast<double>(running_mean.data()[c]) * s);
  }
  Tensor<T> y(x.shape(), uninitialized, x.device());
  const ScaleShiftArgs<T> args = {.pixels = channels == 0 ? 0 : x.numel() / channels,
                                  .channels = channels,
                                  .x = x.data(),
                                  .scale = scale.data(),
                                  .shift = shift.data(),
                                  .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return record(
      "batch_norm",
      [&] {
        return Attributes{{"eps", eps}};
      },
      {x.id(), running_mean.id(), running_var.id(), weight.id(), bias.id()}, y);
}

}  // namespace fovea::inline FOVEA_ABI
