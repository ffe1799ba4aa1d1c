// The gradients of conv2d; they are shared by linear and conv_transpose2d. Layer ops; read conv2d.h for the contract.
//
// dx is a convolution of dy with the flipped weight (cpu/conv2d/input_grad.h), dweight sums x dy over pixels
// (cpu/conv2d_weight_grad/), dbias sums dy.
#pragma once

#include <algorithm>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/channel_sum/args.h>
#include <fovea/cpu/conv2d/input_grad.h>
#include <fovea/cpu/conv2d_weight_grad/args.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/channel_sum/table.h>
#  include <fovea/cpu/conv2d/table.h>
#  include <fovea/cpu/conv2d_weight_grad/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

struct Conv2dOptions {
  Size2 stride = 1;
  Padding padding = 0;
  Size2 dilation = 1;
  std::int64_t groups = 1;
};

namespace detail {
inline Window conv2d_window(const Shape& weight, const Conv2dOptions& o) {
  return {.kernel_size = {weight[2], weight[3]}, .stride = o.stride, .dilation = o.dilation, .padding = o.padding};
}

// The rows of an image batch N H W C with padding above and below, as Conv2dArgs wants them: a row of zeros, shared by
// all convolutions of this thread, stands for those outside.
template <class T>
class PaddedRows {
 public:
  PaddedRows(const T* x, const Shape& shape, const Padding& p)
      : per_image_(shape[1] + p.top + p.bottom), zeros_(zero_row(std::max(shape[2] * shape[3], shape[3]))) {
    const std::int64_t row_size = shape[2] * shape[3];
    rows_.assign(static_cast<std::size_t>(shape[0] * per_image_), zeros_);
    for (std::int64_t n = 0; n < shape[0]; ++n)
      for (std::int64_t h = 0; h < shape[1]; ++h)
        rows_[static_cast<std::size_t>(n * per_image_ + p.top + h)] = x + (n * shape[1] + h) * row_size;
  }
  const T* const* data() const { return rows_.data(); }
  std::int64_t per_image() const { return per_image_; }
  const T* zeros() const { return zeros_; }

 private:
  static const T* zero_row(std::int64_t elements) {
    static thread_local std::vector<T> zeros;
    if (static_cast<std::int64_t>(zeros.size()) < elements) zeros.assign(static_cast<std::size_t>(elements), T(0));
    return zeros.data();
  }

  std::int64_t per_image_;
  const T* zeros_;
  std::vector<const T*> rows_;
};

// Sum of each channel. x: ...xC -> C.
template <class T>
Tensor<master_t<T>> channel_sum(const Tensor<T>& x) {
  const std::int64_t channels = x.size(-1);
  Tensor<master_t<T>> sum({channels}, uninitialized, x.device());
  const ChannelSumArgs<T> args = {.pixels = channels == 0 ? 0 : x.numel() / channels,
                                  .channels = channels,
                                  .x = x.data(),
                                  .sum = sum.mutable_data()};
  choose(args, x.device()).run(args);
  return sum;
}

// dweight, of the given shape O I/groups KH KW, from the input x: N H W C and dy: N OH OW O.
template <class T>
Tensor<master_t<T>> conv2d_weight_gradient(const Tensor<T>& x, const Tensor<T>& dy, const Shape& weight,
                                           const Conv2dOptions& options) {
  if (dy.numel() == 0 || weight.numel() == 0) return Tensor<master_t<T>>(weight);
  Tensor<master_t<T>> dw(weight, uninitialized, x.device());
  const Padding p = resolve_padding(conv2d_window(weight, options), x.size(1), x.size(2));
  const PaddedRows<T> rows(x.data(), x.shape(), p);
  const Conv2dWeightGradArgs<T> args = {.batch = x.size(0),
                                        .in_channels = x.size(3),
                                        .out_height = dy.size(1),
                                        .out_width = dy.size(2),
                                        .out_channels = dy.size(3),
                                        .kernel_h = weight[2],
                                        .kernel_w = weight[3],
                                        .stride_h = options.stride.h,
                                        .stride_w = options.stride.w,
                                        .dilation_h = options.dilation.h,
                                        .dilation_w = options.dilation.w,
                                        .groups = options.groups,
                                        .rows = rows.data(),
                                        .rows_per_image = rows.per_image(),
                                        .pixel_stride = x.size(3),
                                        .column_begin = 0,
                                        .column_end = x.size(2),
                                        .padding_left = p.left,
                                        .padding_row = rows.zeros(),
                                        .dy = dy.data(),
                                        .dw = dw.mutable_data()};
  choose(args, x.device()).run(args);
  return dw;
}

// dx, of the given shape N H W C, from dy: N OH OW O; plus `bias`, of length C, where it is defined.
template <class T>
Tensor<T> conv2d_input_gradient(const Tensor<T>& dy, const Tensor<master_t<T>>& weight, const Shape& x,
                                const Conv2dOptions& options, const Tensor<master_t<T>>& bias = {}) {
  Tensor<T> dx(x, uninitialized, dy.device());
  const Padding p = resolve_padding(conv2d_window(weight.shape(), options), x[1], x[2]);
  conv2d_input_grad(Conv2dInputGrad<T>{.batch = x[0],
                                       .height = x[1],
                                       .width = x[2],
                                       .in_channels = x[3],
                                       .out_height = dy.size(1),
                                       .out_width = dy.size(2),
                                       .out_channels = dy.size(3),
                                       .kernel_h = weight.size(2),
                                       .kernel_w = weight.size(3),
                                       .stride_h = options.stride.h,
                                       .stride_w = options.stride.w,
                                       .dilation_h = options.dilation.h,
                                       .dilation_w = options.dilation.w,
                                       .groups = options.groups,
                                       .padding_top = p.top,
                                       .padding_left = p.left,
                                       .dy = dy.data(),
                                       .weight = weight.data(),
                                       .bias = bias.data(),
                                       .dx = dx.mutable_data()},
                    dy.device());
  return dx;
}

// What the way back of conv2d keeps: x only if dweight is wanted, the weight only if dx is.
template <class T>
class Conv2dBackward {
 public:
  using M = master_t<T>;
  Conv2dBackward(const Tensor<T>& x, const Tensor<M>& weight, const Tensor<M>& bias, const Conv2dOptions& options)
      : x_(saved_if(wanted(weight), x, "conv2d: input")),
        weight_(saved_if(wanted(x), weight, "conv2d: weight")),
        x_id_(x.id()),
        weight_id_(weight.id()),
        bias_id_(bias.id()),
        x_shape_(x.shape()),
        weight_shape_(weight.shape()),
        options_(options) {}

  void operator()(Gradients& g, const Tensor<T>& dy) const {
    if (g.wants(weight_id_)) g.add(weight_id_, conv2d_weight_gradient(x_.get(), dy, weight_shape_, options_));
    if (g.wants(bias_id_)) g.add(bias_id_, channel_sum(dy));
    if (g.wants(x_id_)) g.add(x_id_, conv2d_input_gradient(dy, weight_.get(), x_shape_, options_));
  }

 private:
  Saved<T> x_;
  Saved<M> weight_;
  ValueId x_id_, weight_id_, bias_id_;
  Shape x_shape_, weight_shape_;
  Conv2dOptions options_;
};
}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
