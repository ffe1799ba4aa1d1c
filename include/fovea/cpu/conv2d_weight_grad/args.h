// Conv2dWeightGradArgs: what a kernel for the gradient of a convolution's weight is told. Layer cpu; read
// cpu/conv2d/args.h first, then reference.h, then body.inc.
//
// dw(o, c, kh, kw) = sum over n, oh, ow of x(n, ih, iw, c) * dy(n, oh, ow, o),
//   ih = oh * stride_h - padding_top + kh * dilation_h, iw likewise.
// The input is addressed as in Conv2dArgs: by row pointers, a pixel stride and the range of valid columns. What padding
// reads is 0 here; a kernel may leave out the products with a row that is `padding_row` itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>

namespace fovea::inline FOVEA_ABI {

template <class T>
struct Conv2dWeightGradArgs {
  static constexpr const char* name = "conv2d_weight_grad";
  static std::span<const Kernel<Conv2dWeightGradArgs>> cpu_kernels();

  std::int64_t batch = 0, in_channels = 0;  // N, C
  std::int64_t out_height = 0, out_width = 0, out_channels = 0;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;

  const T* const* rows =
      nullptr;  // input row (oh * stride_h + kh * dilation_h) of image n: rows[n * rows_per_image + it]
  std::int64_t rows_per_image = 0;                // height with the padding
  std::int64_t pixel_stride = 0;                  // elements from a pixel to its right neighbour, in a row of x
  std::int64_t column_begin = 0, column_end = 0;  // columns that may be read, relative to a row's pointer
  std::int64_t padding_left = 0;
  const T* padding_row = nullptr;  // at least in_channels zeros

  const T* dy = nullptr;      // contiguous N OH OW O
  master_t<T>* dw = nullptr;  // contiguous O C/groups KH KW; overwritten

  std::int64_t group_in() const { return in_channels / groups; }
  std::int64_t group_out() const { return out_channels / groups; }
  std::int64_t taps() const { return kernel_h * kernel_w; }
  std::int64_t pixels() const { return batch * out_height * out_width; }  // terms of a sum
  std::int64_t numel() const { return out_channels * group_in() * taps(); }

  friend std::ostream& operator<<(std::ostream& out, const Conv2dWeightGradArgs& a) {
    return out << "conv2d_weight_grad " << dtype_of<T> << " dy " << a.batch << "x" << a.out_height << "x" << a.out_width
               << "x" << a.out_channels << ", weight " << a.out_channels << "x" << a.group_in() << "x" << a.kernel_h
               << "x" << a.kernel_w << ", stride " << a.stride_h << "x" << a.stride_w << ", groups " << a.groups;
  }
};

}  // namespace fovea::inline FOVEA_ABI
