// Pools over windows of feature maps N H W C: maximum, average, adaptive, global. Layer ops.
// Sizes follow PyTorch: floor, or ceil_mode, where a last window that would start in the end padding is dropped.
#pragma once

#include <string>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/pool/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/pool/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

struct PoolOptions {
  Size2 kernel_size = 1;
  Size2 stride = 0;  // 0: kernel_size
  Padding padding = 0;
  Size2 dilation = 1;
  bool ceil_mode = false;
};

struct AvgPoolOptions {
  Size2 kernel_size = 1;
  Size2 stride = 0;  // 0: kernel_size
  Padding padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;      // divide by the window's size even where it covers padding
  std::int64_t divisor_override = 0;  // divide by this instead; 0: do not
};

namespace detail {
// Spans of a window that slides along one dimension of `in`, for `out` positions.
inline std::vector<PoolSpan> sliding_spans(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                           std::int64_t dilation, std::int64_t begin, std::int64_t end,
                                           bool count_padding) {
  std::vector<PoolSpan> spans(static_cast<std::size_t>(out));
  std::int64_t first = -begin;
  for (PoolSpan& s : spans) {
    const std::int64_t last = first + window_extent(kernel, dilation);
    // The first tap inside the image: taps keep the window's own raster.
    s.begin = first >= 0 ? first : first + (-first + dilation - 1) / dilation * dilation;
    s.end = std::min(last, in);
    s.count = count_padding ? std::min(last, in + end) - first : s.end - s.begin;
    first += stride;
  }
  return spans;
}

// Output i of adaptive pooling covers floor(i in / out) .. ceil((i + 1) in / out).
inline std::vector<PoolSpan> adaptive_spans(std::int64_t in, std::int64_t out) {
  std::vector<PoolSpan> spans(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    PoolSpan& s = spans[static_cast<std::size_t>(i)];
    s.begin = i * in / out;
    s.end = ((i + 1) * in + out - 1) / out;
    s.count = s.end - s.begin;
  }
  return spans;
}

template <class T>
Tensor<T> pool(const Tensor<T>& x, PoolArgs<T> args, const std::vector<PoolSpan>& rows,
               const std::vector<PoolSpan>& columns) {
  args.batch = x.size(0), args.height = x.size(1), args.width = x.size(2), args.channels = x.size(3);
  args.out_height = static_cast<std::int64_t>(rows.size()), args.out_width = static_cast<std::int64_t>(columns.size());
  args.rows = rows.data(), args.columns = columns.data();
  Tensor<T> y({args.batch, args.out_height, args.out_width, args.channels}, uninitialized, x.device());
  args.x = x.data(), args.y = y.mutable_data();
  choose(args, x.device()).run(args);
  return y;
}

// A window that slides over the padded map; `window.stride` 0 is the kernel's size.
template <class T>
Tensor<T> sliding_pool(const char* op, const Tensor<T>& x, PoolArgs<T> args, Window window, bool ceil_mode,
                       bool count_padding) {
  check_maps(op, x);
  if (window.stride == Size2(0)) window.stride = window.kernel_size;
  check_window(op, window);
  const std::int64_t in_h = x.size(1), in_w = x.size(2);
  const Padding p = resolve_padding(window, in_h, in_w);
  const Size2 k = window.kernel_size, s = window.stride, d = window.dilation;
  const std::int64_t extent_h = window_extent(k.h, d.h), extent_w = window_extent(k.w, d.w);
  if (std::max(p.top, p.bottom) >= extent_h || std::max(p.left, p.right) >= extent_w)
    fail(op, ": padding ", p.top, ",", p.bottom, ",", p.left, ",", p.right, " of input ", x.shape(),
         " must be smaller than the window, ", extent_h, "x", extent_w);
  const std::int64_t out_h = window_output(op, in_h, k.h, s.h, d.h, p.top, p.bottom, ceil_mode);
  const std::int64_t out_w = window_output(op, in_w, k.w, s.w, d.w, p.left, p.right, ceil_mode);
  args.step_h = d.h, args.step_w = d.w;
  return pool(x, args, sliding_spans(in_h, out_h, k.h, s.h, d.h, p.top, p.bottom, count_padding),
              sliding_spans(in_w, out_w, k.w, s.w, d.w, p.left, p.right, count_padding));
}

template <class T>
Tensor<T> adaptive_pool(const char* op, const Tensor<T>& x, PoolKind kind, Size2 out) {
  check_maps(op, x);
  if (out.h < 1 || out.w < 1) fail(op, ": output size ", out.h, "x", out.w, " must be at least 1");
  if (x.size(1) < 1 || x.size(2) < 1) fail(op, ": input ", x.shape(), " has no pixels");
  return pool(x, {.kind = kind}, adaptive_spans(x.size(1), out.h), adaptive_spans(x.size(2), out.w));
}

inline void add_padding(Attributes& attributes, const Padding& p) {
  if (p.is_same)
    attributes.emplace_back("padding", "same");
  else
    attributes.emplace_back("padding", to_list(p));
}
}  // namespace detail

// Maximum of each window. x: NxHxWxC -> NxH'xW'xC. Padding never wins: it counts as minus infinity (the lowest
// integer). A NaN in a window is its maximum. Errors: x not of rank 4; a window that does not fit; padding as wide as
// the window.
template <class T>
Tensor<T> max_pool2d(const Tensor<T>& x, const PoolOptions& o) {
  Tensor<T> y = detail::sliding_pool<T>("max_pool2d", x, {.kind = PoolKind::max},
                                        {o.kernel_size, o.stride, o.dilation, o.padding}, o.ceil_mode, false);
  const auto attributes = [&] {
    Attributes a = {
        {"kernel_size", to_list(o.kernel_size)}, {"stride", to_list(o.stride)}, {"dilation", to_list(o.dilation)}};
    detail::add_padding(a, o.padding);
    a.emplace_back("ceil_mode", std::int64_t{o.ceil_mode});
    return a;
  };
  return record("max_pool2d", attributes, {x.id()}, y);
}

// Mean of each window. x: NxHxWxC -> NxH'xW'xC. The divisor is the window's size clipped to the padded map, without the
// padding if !count_include_pad, or divisor_override. Errors as max_pool2d; a negative divisor_override.
template <class T>
requires is_floating<T> Tensor<T> avg_pool2d(const Tensor<T>& x, const AvgPoolOptions& o) {
  if (o.divisor_override < 0)
    fail("avg_pool2d: divisor_override ", o.divisor_override, " must be positive, or 0 for none");
  Tensor<T> y = detail::sliding_pool<T>("avg_pool2d", x, {.kind = PoolKind::average, .divisor = o.divisor_override},
                                        {o.kernel_size, o.stride, 1, o.padding}, o.ceil_mode, o.count_include_pad);
  const auto attributes = [&] {
    Attributes a = {{"kernel_size", to_list(o.kernel_size)}, {"stride", to_list(o.stride)}};
    detail::add_padding(a, o.padding);
    a.emplace_back("ceil_mode", std::int64_t{o.ceil_mode});
    a.emplace_back("count_include_pad", std::int64_t{o.count_include_pad});
    a.emplace_back("divisor_override", o.divisor_override);
    return a;
  };
  return record("avg_pool2d", attributes, {x.id()}, y);
}

// Mean over out.h x out.w windows that cover the map, each starting at floor(i H / out.h) and ending before
// ceil((i + 1) H / out.h). x: NxHxWxC -> N x out.h x out.w x C.
template <class T>
requires is_floating<T> Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, Size2 out) {
  return record(
      "adaptive_avg_pool2d",
      [&] {
        return Attributes{{"output_size", to_list(out)}};
      },
      {x.id()}, detail::adaptive_pool("adaptive_avg_pool2d", x, PoolKind::average, out));
}

// Maximum over the windows of adaptive_avg_pool2d.
template <class T>
Tensor<T> adaptive_max_pool2d(const Tensor<T>& x, Size2 out) {
  return record(
      "adaptive_max_pool2d",
      [&] {
        return Attributes{{"output_size", to_list(out)}};
      },
      {x.id()}, detail::adaptive_pool("adaptive_max_pool2d", x, PoolKind::max, out));
}

// Mean of each channel. x: NxHxWxC -> NxC.
template <class T>
requires is_floating<T> Tensor<T> global_avg_pool(const Tensor<T>& x) {
  const Tensor<T> y = detail::adaptive_pool("global_avg_pool", x, PoolKind::average, 1);
  return record(
      "global_avg_pool", [] { return Attributes{}; }, {x.id()}, y.reshape({x.size(0), x.size(3)}));
}

}  // namespace fovea::inline FOVEA_ABI
