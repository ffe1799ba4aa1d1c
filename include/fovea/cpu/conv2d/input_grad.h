// conv2d_input_grad: the gradient of a convolution with respect to its input, as convolutions. Layer cpu; read args.h
// first.
//
// Output pixel oh of the convolution reads the input rows ih = oh * stride - padding + kh * dilation, so
//   dx(n, ih, iw, c) = sum over o and the taps (kh, kw) with (ih + padding - kh * dilation) a multiple of the stride
//                      of dy(n, (ih + padding - kh * dilation) / stride, likewise iw, o) * w(o, c, kh, kw).
// Input rows with the same (ih + padding) mod stride, a phase, see the same taps. Within a phase the sum is a stride-1
// convolution of dy with those taps in reverse order and input and output channels exchanged, written to every
// stride-th pixel of dx: stride_h * stride_w convolutions on the kernels of Conv2dArgs, none of whose multiply-adds
// meets an inserted zero. The forward of a transposed convolution is the same thing, with a bias.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/core/registry.h>
#include <fovea/cpu/conv2d/args.h>

namespace fovea::inline FOVEA_ABI {

// Sizes are those of the convolution whose gradient it is: x is N H W C, dy is N OH OW O, the weight O C/groups KH KW.
template <class T>
struct Conv2dInputGrad {
  std::int64_t batch = 0, height = 0, width = 0, in_channels = 0;
  std::int64_t out_height = 0, out_width = 0, out_channels = 0;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;
  std::int64_t padding_top = 0, padding_left = 0;
  const T* dy = nullptr;                // contiguous
  const master_t<T>* weight = nullptr;  // contiguous
  const master_t<T>* bias = nullptr;    // of in_channels, added to each pixel of dx; or null
  T* dx = nullptr;                      // contiguous; every element is written
};

namespace detail {

// One dimension of a phase: the pixels first, first + stride, ... (count of them) and the taps first_tap, first_tap +
// tap_step, ... (taps of them, perhaps none). Pixel j and tap t, the last tap being t = 0, meet dy at
// offset + j + t * dilation.
struct ConvPhase {
  std::int64_t first = 0, count = 0, first_tap = 0, tap_step = 1, taps = 0, dilation = 1, offset = 0;
};

inline ConvPhase conv_phase(std::int64_t remainder, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                            std::int64_t dilation, std::int64_t padding) {
  ConvPhase p;
  p.first = ((remainder - padding) % stride + stride) % stride;
  p.count = p.first < size ? (size - 1 - p.first) / stride + 1 : 0;
  std::int64_t a = dilation, common = stride;  // greatest common divisor
  while (a != 0) {
    const std::int64_t rest = common % a;
    common = a, a = rest;
  }
  p.tap_step = stride / common;
  p.dilation = dilation / common;
  while (p.first_tap < kernel && p.first_tap * dilation % stride != remainder) ++p.first_tap;
  if (p.first_tap < kernel) p.taps = (kernel - 1 - p.first_tap) / p.tap_step + 1;
  p.offset = (p.first + padding - p.first_tap * dilation) / stride - (p.taps - 1) * p.dilation;
  return p;
}

// Pixels that no tap reaches: the bias, or zeros.
template <class T>
void fill_phase(const Conv2dInputGrad<T>& g, const ConvPhase& h, const ConvPhase& w) {
  parallel_for(g.batch * h.count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t row = r / h.count * g.height + h.first + r % h.count * g.stride_h;
      for (std::int64_t j = 0; j < w.count; ++j) {
        T* dx = g.dx + (row * g.width + w.first + j * g.stride_w) * g.in_channels;
        if (!g.bias) std::fill_n(dx, g.in_channels, T(0));
        for (std::int64_t c = 0; g.bias && c < g.in_channels; ++c) dx[c] = static_cast<T>(g.bias[c]);
      }
    }
  });
}

// Packs into memory of its own, since the weight of a step is used once, and runs.
template <class T>
void run_conv2d_packed(Conv2dArgs<T> args, Device device) {
  const Kernel<Conv2dArgs<T>>& row = choose(args, device);
  std::shared_ptr<std::byte> packed;
  if (row.pack) {
    packed = allocate_aligned(row.packed_bytes(args));
    row.pack(args, packed.get());
    args.packed = packed.get();
  }
  row.run(args);
}

template <class T>
void run_phase(const Conv2dInputGrad<T>& g, const ConvPhase& h, const ConvPhase& w, const T* zeros, Device device) {
  const std::int64_t rows_per_image = h.count + (h.taps - 1) * h.dilation, taps = g.kernel_h * g.kernel_w;
  const std::int64_t group_in = g.in_channels / g.groups, group_out = g.out_channels / g.groups;
  std::vector<const T*> rows(static_cast<std::size_t>(g.batch * rows_per_image), zeros);
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t i = 0; i < rows_per_image; ++i)
      if (i + h.offset >= 0 && i + h.offset < g.out_height)
        rows[static_cast<std::size_t>(n * rows_per_image + i)] =
            g.dy + (n * g.out_height + i + h.offset) * g.out_width * g.out_channels;
  const std::int64_t last_tap =
      (h.first_tap + (h.taps - 1) * h.tap_step) * g.kernel_w + w.first_tap + (w.taps - 1) * w.tap_step;
  run_conv2d_packed<T>({.batch = g.batch,
                        .in_channels = g.out_channels,
                        .out_height = h.count,
                        .out_width = w.count,
                        .out_channels = g.in_channels,
                        .kernel_h = h.taps,
                        .kernel_w = w.taps,
                        .dilation_h = h.dilation,
                        .dilation_w = w.dilation,
                        .groups = g.groups,
                        .rows = rows.data(),
                        .rows_per_image = rows_per_image,
                        .pixel_stride = g.out_channels,
                        .column_begin = 0,
                        .column_end = g.out_width,
                        .padding_left = -w.offset,
                        .padding_row = zeros,
                        .weight = g.weight + last_tap,
                        .weight_strides = {.group = group_out * group_in * taps,
                                           .out = taps,
                                           .in = group_in * taps,
                                           .h = -h.tap_step * g.kernel_w,
                                           .w = -w.tap_step},
                        .bias = g.bias,
                        .y = g.dx + (h.first * g.width + w.first) * g.in_channels,
                        .y_pixel_stride = g.stride_w * g.in_channels,
                        .y_row_stride = g.stride_h * g.width * g.in_channels,
                        .y_image_stride = g.height * g.width * g.in_channels},
                       device);
}
}  // namespace detail

// Writes all of dx. Any sizes for which the convolution is defined, padding larger than the kernel included; rows and
// columns of the input that no output reads get the bias or 0.
template <class T>
void conv2d_input_grad(const Conv2dInputGrad<T>& g, Device device = Device::cpu) {
  if (g.batch * g.height * g.width * g.in_channels == 0) return;
  // What stands for a row outside of dy, read over the valid columns, and for a pixel outside of a row.
  const std::vector<T> zeros(static_cast<std::size_t>((g.out_width + 1) * g.out_channels), T(0));
  for (std::int64_t r = 0; r < g.stride_h; ++r)
    for (std::int64_t q = 0; q < g.stride_w; ++q) {
      const detail::ConvPhase h = detail::conv_phase(r, g.height, g.kernel_h, g.stride_h, g.dilation_h, g.padding_top);
      const detail::ConvPhase w = detail::conv_phase(q, g.width, g.kernel_w, g.stride_w, g.dilation_w, g.padding_left);
      if (h.count == 0 || w.count == 0) continue;
      const bool reached = h.taps > 0 && w.taps > 0 && g.out_height > 0 && g.out_width > 0 && g.out_channels > 0;
      if (reached)
        detail::run_phase(g, h, w, zeros.data(), device);
      else
        detail::fill_phase(g, h, w);
    }
}

}  // namespace fovea::inline FOVEA_ABI
