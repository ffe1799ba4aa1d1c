// conv2d: cross-correlation of an image with a bank of filters. Layer ops.
//
//   y(n, oh, ow, o) = bias(o) + sum over kh, kw, c of x(n, oh * s - p + kh * d, ow * s - p + kw * d, c) * weight(o, c,
//   kh, kw)
//
// x: N H W C; weight: O I KH KW with I = C / groups, as weight files have it; bias: O, or an undefined tensor.
// Output: N OH OW O. Stride, dilation and padding (zeros, each side on its own, or TensorFlow's "same") are options.
// Output channel o belongs to group o / (O / groups). Parameters are master_t<T>: float for bf16 and half activations.
// Gradients: ops/conv2d_grad.h.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/conv2d/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/conv2d_grad.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/conv2d/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// The packed weights that a row wants, from the side slot of the weight's storage.
template <class T>
std::shared_ptr<const std::byte> packed_weight(const Kernel<Conv2dArgs<T>>& row, const Conv2dArgs<T>& args,
                                               const Tensor<master_t<T>>& weight) {
  if (!row.pack) return nullptr;
  // Two views of one storage, or one weight used with other groups, are packings of their own.
  const Storage::Variant variant = {weight.offset(), args.out_channels, args.group_in(),
                                    args.kernel_h,   args.kernel_w,     args.groups};
  return weight.storage().packed(&row, variant, [&] {
    std::shared_ptr<std::byte> bytes = allocate_aligned(row.packed_bytes(args));
    row.pack(args, bytes.get());
    return std::shared_ptr<const std::byte>(std::move(bytes));
  });
}

// Chooses the row, packs if it wants that, and runs.
template <class T>
void run_conv2d(Conv2dArgs<T> args, const Tensor<master_t<T>>& weight, Device device) {
  const Kernel<Conv2dArgs<T>>& row = choose(args, device);
  const std::shared_ptr<const std::byte> packed = packed_weight(row, args, weight);
  args.packed = packed.get();
  row.run(args);
}
}  // namespace detail

// Shape of the output. Errors say which sizes do not fit.
inline Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dOptions& o) {
  if (x.rank() != 4) fail("conv2d: input ", x, " has ", x.rank(), " dimensions, N H W C is wanted");
  if (weight.rank() != 4) fail("conv2d: weight ", weight, " has ", weight.rank(), " dimensions, O I KH KW is wanted");
  if (o.groups < 1 || x[3] % o.groups != 0 || weight[0] % o.groups != 0)
    fail("conv2d: ", o.groups, " groups do not divide the ", x[3], " channels of input ", x, " and the ", weight[0],
         " of weight ", weight);
  if (x[3] / o.groups != weight[1])
    fail("conv2d: input ", x, " has ", x[3], " channels, weight ", weight, " wants ", checked_mul(weight[1], o.groups));
  const Window w = detail::conv2d_window(weight, o);
  check_window("conv2d", w);
  const Padding p = resolve_padding(w, x[1], x[2]);
  return {x[0], window_output("conv2d", x[1], weight[2], o.stride.h, o.dilation.h, p.top, p.bottom),
          window_output("conv2d", x[2], weight[3], o.stride.w, o.dilation.w, p.left, p.right), weight[0]};
}

// The convolution described at the head of this file. Errors: those of conv2d_shape; a bias that is not of length O.
template <class T>
Tensor<T> conv2d(const Tensor<T>& x, const Tensor<master_t<T>>& weight, const Tensor<master_t<T>>& bias = {},
                 const Conv2dOptions& options = {}) {
  detail::check_defined("conv2d", "input", x);
  detail::check_defined("conv2d", "weight", weight);
  Tensor<T> y(conv2d_shape(x.shape(), weight.shape(), options), uninitialized, x.device());
  if (bias.defined() && bias.shape() != Shape{weight.size(0)})
    fail("conv2d: bias ", bias.shape(), ", weight ", weight.shape(), " wants ", weight.size(0));
  const Padding p = resolve_padding(detail::conv2d_window(weight.shape(), options), x.size(1), x.size(2));
  const detail::PaddedRows<T> rows(x.data(), x.shape(), p);
  if (y.numel() > 0) {
    detail::run_conv2d<T>({.batch = x.size(0),
                           .in_channels = x.size(3),
                           .out_height = y.size(1),
                           .out_width = y.size(2),
                           .out_channels = y.size(3),
                           .kernel_h = weight.size(2),
                           .kernel_w = weight.size(3),
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
                           .weight = weight.data(),
                           .bias = bias.data(),
                           .y = y.mutable_data()},
                          weight, x.device());
  }
  return record(
      "conv2d",
      [&] {
        Attributes a{
            {"stride", to_list(options.stride)}, {"dilation", to_list(options.dilation)}, {"groups", options.groups}};
        if (options.padding.is_same)
          a.emplace_back("padding", std::string("same"));
        else
          a.emplace_back("padding", to_list(options.padding));
        return a;
      },
      {x.id(), weight.id(), bias.id()}, y, detail::Conv2dBackward<T>(x, weight, bias, options));
}

}  // namespace fovea::inline FOVEA_ABI
