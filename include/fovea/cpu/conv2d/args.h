// Conv2dArgs: what a convolution kernel is told. Layer cpu; read reference.h next, then direct.inc.
//
// y(n, oh, ow, o) = bias(o) + sum over kh, kw, c of x(n, ih, iw, c) * w(o, c, kh, kw),
//   ih = oh * stride_h - padding_top + kh * dilation_h, iw likewise; x, y NHWC, w OIHW (I = C / groups).
// The input is addressed by row pointers, a pixel stride and the range of valid columns, so that a contiguous tensor
// and a buffer with a halo run the same kernels: a row outside the image points at a shared row of the padding value, a
// column outside [column_begin, column_end) reads that row too. The output and the weight may be strided: a gradient
// with respect to the input (input_grad.h) is a convolution with the weight turned round, written to every s-th pixel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>

#include <fovea/core/dtype.h>
#include <fovea/core/registry.h>

namespace fovea::inline FOVEA_ABI {

namespace cpu {
// kernel_h * kernel_w that the blocked kernels take: their pointers are on the stack.
inline constexpr int kMaxTaps = 64;
// Multiply-adds below which waking another thread costs more than it brings (about 20 us).
inline constexpr std::int64_t kMinWork = 1 << 19;
}  // namespace cpu

// Where w(o, i, kh, kw) lies, in elements from `weight`, for o = g * group_out + j: g * group + j * out + i * in + kh *
// h + kw * w. Strides may be negative. out == 0: contiguous OIHW.
struct Conv2dWeightStrides {
  std::int64_t group = 0, out = 0, in = 0, h = 0, w = 0;
};

template <class T>
struct Conv2dArgs {
  static constexpr const char* name = "conv2d";
  static std::span<const Kernel<Conv2dArgs>> cpu_kernels();

  std::int64_t batch = 0, in_channels = 0;  // N, C
  std::int64_t out_height = 0, out_width = 0, out_channels = 0;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;

  const T* const* rows =
      nullptr;  // input row (oh * stride_h + kh * dilation_h) of image n: rows[n * rows_per_image + it]
  std::int64_t rows_per_image = 0;                // height with the padding
  std::int64_t pixel_stride = 0;                  // elements from a pixel to its right neighbour, in a row of x
  std::int64_t column_begin = 0, column_end = 0;  // columns that may be read, relative to a row's pointer
  std::int64_t padding_left = 0;
  const T* padding_row = nullptr;  // at least in_channels elements of the padding value

  const master_t<T>* weight = nullptr;
  Conv2dWeightStrides weight_strides = {};
  const master_t<T>* bias = nullptr;  // or null
  const std::byte* packed = nullptr;  // of the row that runs, if it packs
  T* y = nullptr;
  // Elements from an output pixel, row and image to the next; 0: contiguous N OH OW O.
  std::int64_t y_pixel_stride = 0, y_row_stride = 0, y_image_stride = 0;

  std::int64_t group_in() const { return in_channels / groups; }
  std::int64_t group_out() const { return out_channels / groups; }
  std::int64_t taps() const { return kernel_h * kernel_w; }
  // Multiply-adds of one output element.
  std::int64_t depth() const { return taps() * group_in(); }

  std::int64_t y_pixel() const { return y_pixel_stride ? y_pixel_stride : out_channels; }
  std::int64_t y_row() const { return y_row_stride ? y_row_stride : out_width * y_pixel(); }
  std::int64_t y_image() const { return y_image_stride ? y_image_stride : out_height * y_row(); }
  T* y_at(std::int64_t n, std::int64_t oh, std::int64_t ow) const {
    return y + n * y_image() + oh * y_row() + ow * y_pixel();
  }

  Conv2dWeightStrides strides_of_weight() const {
    if (weight_strides.out != 0) return weight_strides;
    return {group_out() * depth(), depth(), taps(), kernel_w, 1};
  }
  // The weights of output channel o: its w(o, i, kh, kw) lie at strides in, h, w from here.
  const master_t<T>* weight_of(std::int64_t o) const {
    const Conv2dWeightStrides s = strides_of_weight();
    return weight + o / group_out() * s.group + o % group_out() * s.out;
  }

  friend std::ostream& operator<<(std::ostream& out, const Conv2dArgs& a) {
    return out << "conv2d " << dtype_of<T> << " y " << a.batch << "x" << a.out_height << "x" << a.out_width << "x"
               << a.out_channels << ", weight " << a.out_channels << "x" << a.group_in() << "x" << a.kernel_h << "x"
               << a.kernel_w << ", stride " << a.stride_h << "x" << a.stride_w << ", groups " << a.groups;
  }
};

}  // namespace fovea::inline FOVEA_ABI
