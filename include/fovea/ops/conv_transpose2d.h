// conv_transpose2d: the transposed convolution, the gradient of a convolution by its input as an op of its own. Layer
// ops.
//
//   y(n, ih, iw, o) = bias(o) + sum over the taps and input pixels with ih = h * s - p + kh * d (iw likewise)
//                     of x(n, h, w, c) * weight(c, o, kh, kw)
//
// x: N H W C; weight: C O/groups KH KW, as weight files have it; bias: O, or an undefined tensor. Output: N OH OW O
// with OH = (H - 1) * stride - padding_top - padding_bottom + dilation * (KH - 1) + output_padding + 1.
#pragma once

#include <fovea/ops/check.h>
#include <fovea/ops/conv2d.h>

namespace fovea::inline FOVEA_ABI {

struct ConvTranspose2dOptions {
  Size2 stride = 1;
  Padding padding = 0;
  Size2 output_padding = 0;  // rows and columns at the end of the output, which resolve what a stride leaves open
  Size2 dilation = 1;
  std::int64_t groups = 1;
};

namespace detail {
// The convolution whose gradient it is.
inline Conv2dOptions transposed(const ConvTranspose2dOptions& o) {
  return {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups};
}
inline std::int64_t transposed_size(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                                    std::int64_t begin, std::int64_t end, std::int64_t extra) {
  const std::int64_t out = checked_add(checked_mul(in - 1, stride, "conv_transpose2d"),
                                       window_extent(kernel, dilation) + extra - begin - end, "conv_transpose2d");
  if (in < 1 || out < 1)
    fail("conv_transpose2d: an input of ", in, " with a kernel of ", kernel, ", stride ", stride, " and padding ",
         begin, ",", end, " gives an output of ", out, "; 1 or more is wanted");
  return out;
}
}  // namespace detail

// Shape of the output. Errors say which sizes do not fit.
inline Shape conv_transpose2d_shape(const Shape& x, const Shape& weight, const ConvTranspose2dOptions& o) {
  if (x.rank() != 4) fail("conv_transpose2d: input ", x, " has ", x.rank(), " dimensions, N H W C is wanted");
  if (weight.rank() != 4)
    fail("conv_transpose2d: weight ", weight, " has ", weight.rank(), " dimensions, C O KH KW is wanted");
  if (o.groups < 1 || x[3] % o.groups != 0)
    fail("conv_transpose2d: ", o.groups, " groups do not divide the ", x[3], " channels of input ", x);
  if (x[3] != weight[0])
    fail("conv_transpose2d: input ", x, " has ", x[3], " channels, weight ", weight, " wants ", weight[0]);
  if (o.padding.is_same) fail("conv_transpose2d: padding \"same\" is of conv2d only; give the numbers");
  check_window("conv_transpose2d", detail::conv2d_window(weight, detail::transposed(o)));
  if (o.output_padding.h < 0 || o.output_padding.w < 0 || o.output_padding.h >= std::max(o.stride.h, o.dilation.h) ||
      o.output_padding.w >= std::max(o.stride.w, o.dilation.w))
    fail("conv_transpose2d: output_padding ", o.output_padding.h, "x", o.output_padding.w,
         " must be smaller than stride or dilation");
  const Padding& p = o.padding;
  return {x[0], detail::transposed_size(x[1], weight[2], o.stride.h, o.dilation.h, p.top, p.bottom, o.output_padding.h),
          detail::transposed_size(x[2], weight[3], o.stride.w, o.dilation.w, p.left, p.right, o.output_padding.w),
          checked_mul(weight[1], o.groups)};
}

// The transposed convolution described at the head of this file. Errors: those of conv_transpose2d_shape; a bias that
// is not of length O.
template <class T>
Tensor<T> conv_transpose2d(const Tensor<T>& x, const Tensor<master_t<T>>& weight, const Tensor<master_t<T>>& bias = {},
                           const ConvTranspose2dOptions& options = {}) {
  detail::check_defined("conv_transpose2d", "input", x);
  detail::check_defined("conv_transpose2d", "weight", weight);
  const Shape shape = conv_transpose2d_shape(x.shape(), weight.shape(), options);
  if (bias.defined() && bias.shape() != Shape{shape[3]})
    fail("conv_transpose2d: bias ", bias.shape(), ", weight ", weight.shape(), " wants ", shape[3]);
  const Conv2dOptions conv = detail::transposed(options);
  return record(
      "conv_transpose2d",
      [&] {
        return Attributes{{"stride", to_list(options.stride)},
                          {"padding", to_list(options.padding)},
                          {"output_padding", to_list(options.output_padding)},
                          {"dilation", to_list(options.dilation)},
                          {"groups", options.groups}};
      },
      {x.id(), weight.id(), bias.id()}, detail::conv2d_input_gradient(x, weight, shape, conv, bias),
      [conv, xi = x.id(), wi = weight.id(), bi = bias.id(), w_shape = weight.shape(),
       x_kept = saved_if(wanted(weight), x, "conv_transpose2d: input"),
       w_kept = saved_if(wanted(x), weight, "conv_transpose2d: weight")](Gradients& g, const Tensor<T>& dy) {
        // It is the way back of a convolution, so its own way back is that convolution.
        if (g.wants(wi)) g.add(wi, detail::conv2d_weight_gradient(dy, x_kept.get(), w_shape, conv));
        if (g.wants(bi)) g.add(bi, detail::channel_sum(dy));
        if (g.wants(xi)) g.add(xi, conv2d(dy, w_kept.get(), {}, conv));
      });
}

}  // namespace fovea::inline FOVEA_ABI
