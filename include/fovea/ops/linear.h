// linear: y = x weight^T + bias. Layer ops.
//
// x: any leading dimensions, then K; weight: O K; bias: O, or an undefined tensor; output: the leading dimensions, then
// O. It is the 1x1 convolution of an image of one row whose pixels are the rows of x, and runs on the same kernels.
#pragma once

#include <fovea/ops/conv2d.h>

namespace fovea::inline FOVEA_ABI {

// Shape of the output. Errors say which sizes do not fit.
inline Shape linear_shape(const Shape& x, const Shape& weight) {
  if (weight.rank() != 2) fail("linear: weight ", weight, " has ", weight.rank(), " dimensions, O K is wanted");
  if (x.rank() < 1 || x[-1] != weight[1])
    fail("linear: input ", x, " has ", x.rank() < 1 ? 0 : x[-1], " features, weight ", weight, " wants ", weight[1]);
  return x.with(-1, weight[0]);
}

// Errors: those of linear_shape; a bias that is not of length O.
template <class T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<master_t<T>>& weight, const Tensor<master_t<T>>& bias = {}) {
  detail::check_defined("linear", "input", x);
  detail::check_defined("linear", "weight", weight);
  Tensor<T> y(linear_shape(x.shape(), weight.shape()), uninitialized, x.device());
  if (bias.defined() && bias.shape() != Shape{weight.size(0)})
    fail("linear: bias ", bias.shape(), ", weight ", weight.shape(), " wants ", weight.size(0));
  if (y.numel() > 0) {
    const std::int64_t features = weight.size(1), pixels = y.numel() / weight.size(0);
    const T* const row = x.data();
    detail::run_conv2d<T>({.batch = 1,
                           .in_channels = features,
                           .out_height = 1,
                           .out_width = pixels,
                           .out_channels = weight.size(0),
                           .rows = &row,
                           .rows_per_image = 1,
                           .pixel_stride = features,
                           .column_begin = 0,
                           .column_end = pixels,
                           .padding_row = row,
                           .weight = weight.data(),
                           .bias = bias.data(),
                           .y = y.mutable_data()},
                          weight, x.device());
  }
  return record(
      "linear", [] { return Attributes{}; }, {x.id(), weight.id(), bias.id()}, y,
      [xi = x.id(), wi = weight.id(), bi = bias.id(), x_shape = x.shape(), w_shape = weight.shape(),
       x_kept = saved_if(wanted(weight), x, "linear: input"),
       w_kept = saved_if(wanted(x), weight, "linear: weight")](Gradients& g, const Tensor<T>& dy) {
        // The gradients of the 1x1 convolution that it is.
        const std::int64_t outputs = w_shape[0], features = w_shape[1],
                           pixels = dy.numel() / std::max<std::int64_t>(outputs, 1);
        const auto as = [](const auto& t, const Shape& s) {
          return std::decay_t<decltype(t)>(s, t.shared_storage(), t.offset());
        };
        const Shape image{1, 1, pixels, features}, filters{outputs, features, 1, 1};
        const Tensor<T> d = as(dy, {1, 1, pixels, outputs});
        if (g.wants(wi))
          g.add(wi, as(detail::conv2d_weight_gradient(as(x_kept.get(), image), d, filters, {}), w_shape));
        if (g.wants(bi)) g.add(bi, detail::channel_sum(d));
        if (g.wants(xi)) g.add(xi, as(detail::conv2d_input_gradient(d, as(w_kept.get(), filters), image, {}), x_shape));
      });
}

}  // namespace fovea::inline FOVEA_ABI
