// Pools over windows of feature maps N H W C: maximum, average, adaptive, global, generalised mean. Layer ops.
// Sizes follow PyTorch: floor, or ceil_mode, where a last window that would start in the end padding is dropped.
// The gradient of a maximum keeps its places (int32), that of an average nothing.
#pragma once

#include <string>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/gem_pool/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/pool_windows.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/gem_pool/table.h>
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

// Maximum and its places, of max_pool2d_with_index.
template <class T>
struct MaxPool {
  Tensor<T> y;
  Tensor<std::int32_t> index;
};

namespace detail {
// A window that slides over the padded map; `window.stride` 0 is the kernel's size.
template <class T>
PoolGeometry sliding_geometry(const char* op, const Tensor<T>& x, Window window, bool ceil_mode, bool count_padding) {
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
  return {.rows = sliding_spans(in_h, out_h, k.h, s.h, d.h, p.top, p.bottom, count_padding),
          .columns = sliding_spans(in_w, out_w, k.w, s.w, d.w, p.left, p.right, count_padding),
          .step_h = d.h,
          .step_w = d.w};
}

template <class T>
PoolGeometry adaptive_geometry(const char* op, const Tensor<T>& x, Size2 out) {
  check_maps(op, x);
  if (out.h < 1 || out.w < 1) fail(op, ": output size ", out.h, "x", out.w, " must be at least 1");
  if (x.size(1) < 1 || x.size(2) < 1) fail(op, ": input ", x.shape(), " has no pixels");
  return {.rows = adaptive_spans(x.size(1), out.h), .columns = adaptive_spans(x.size(2), out.w)};
}

// Maximum, and its places if the caller or the tape wants them.
template <class T, class F>
MaxPool<T> max_pool(const char* op, F&& attributes, const Tensor<T>& x, const PoolGeometry& geometry, bool with_index) {
  MaxPool<T> result;
  if (with_index || wanted(x)) result.index = pool_index(op, x, geometry);
  Tensor<T> y = pool_values(x, PoolKind::max, geometry, pooled_shape(x, geometry), result.index);
  if constexpr (is_floating<T>) {
    result.y =
        record(op, attributes, {x.id()}, y,
               [id = x.id(), shape = x.shape(), geometry = kept_if(wanted(x), geometry),
                index = saved_if(wanted(x), result.index, "max_pool2d: index")](Gradients& g, const Tensor<T>& dy) {
                 g.add(id, pool_gradient(PoolKind::max, shape, geometry, dy, index.get()));
               });
  } else {
    result.y = record(op, attributes, {x.id()}, y);
  }
  return result;
}

// Average; y has shape `shape`.
template <class T, class F>
Tensor<T> average_pool(const char* op, F&& attributes, const Tensor<T>& x, const PoolGeometry& geometry,
                       const Shape& shape) {
  return record(
      op, attributes, {x.id()}, pool_values(x, PoolKind::average, geometry, shape, {}),
      [id = x.id(), x_shape = x.shape(), geometry = kept_if(wanted(x), geometry)](Gradients& g, const Tensor<T>& dy) {
        g.add(id, pool_gradient(PoolKind::average, x_shape, geometry, dy, {}));
      });
}

template <class T>
MaxPool<T> sliding_max_pool(const Tensor<T>& x, const PoolOptions& o, bool with_index) {
  const Window window{o.kernel_size, o.stride, o.dilation, o.padding};
  const auto attributes = [&] {
    Attributes a = {
        {"kernel_size", to_list(o.kernel_size)}, {"stride", to_list(o.stride)}, {"dilation", to_list(o.dilation)}};
    add_padding(a, o.padding);
    a.emplace_back("ceil_mode", std::int64_t{o.ceil_mode});
    return a;
  };
  return max_pool("max_pool2d", attributes, x, sliding_geometry("max_pool2d", x, window, o.ceil_mode, false),
                  with_index);
}
}  // namespace detail

// Maximum of each window. x: NxHxWxC -> NxH'xW'xC. Padding never wins: it counts as minus infinity (the lowest
// integer). A NaN in a window is its maximum. The gradient goes to the first of equal maxima. Errors: x not of rank 4;
// a window that does not fit; padding as wide as the window.
template <class T>
Tensor<T> max_pool2d(const Tensor<T>& x, const PoolOptions& o) {
  return detail::sliding_max_pool(x, o, false).y;
}
// The same with the place of each maximum: h * W + w of the unpadded map, -1 of a window that sees only padding.
template <class T>
MaxPool<T> max_pool2d_with_index(const Tensor<T>& x, const PoolOptions& o) {
  return detail::sliding_max_pool(x, o, true);
}

// Mean of each window. x: NxHxWxC -> NxH'xW'xC. The divisor is the window's size clipped to the padded map, without the
// padding if !count_include_pad, or divisor_override. Errors as max_pool2d; a negative divisor_override.
template <class T>
requires is_floating<T> Tensor<T> avg_pool2d(const Tensor<T>& x, const AvgPoolOptions& o) {
  if (o.divisor_override < 0)
    fail("avg_pool2d: divisor_override ", o.divisor_override, " must be positive, or 0 for none");
  detail::PoolGeometry geometry = detail::sliding_geometry("avg_pool2d", x, {o.kernel_size, o.stride, 1, o.padding},
                                                           o.ceil_mode, o.count_include_pad);
  geometry.divisor = o.divisor_override;
  const auto attributes = [&] {
    Attributes a = {{"kernel_size", to_list(o.kernel_size)}, {"stride", to_list(o.stride)}};
    detail::add_padding(a, o.padding);
    a.emplace_back("ceil_mode", std::int64_t{o.ceil_mode});
    a.emplace_back("count_include_pad", std::int64_t{o.count_include_pad});
    a.emplace_back("divisor_override", o.divisor_override);
    return a;
  };
  return detail::average_pool("avg_pool2d", attributes, x, geometry, detail::pooled_shape(x, geometry));
}

// Mean over out.h x out.w windows that cover the map, each starting at floor(i H / out.h) and ending before
// ceil((i + 1) H / out.h). x: NxHxWxC -> N x out.h x out.w x C.
template <class T>
requires is_floating<T> Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, Size2 out) {
  const detail::PoolGeometry geometry = detail::adaptive_geometry("adaptive_avg_pool2d", x, out);
  const auto attributes = [&] { return Attributes{{"output_size", to_list(out)}}; };
  return detail::average_pool("adaptive_avg_pool2d", attributes, x, geometry, detail::pooled_shape(x, geometry));
}

// Maximum over the windows of adaptive_avg_pool2d.
template <class T>
Tensor<T> adaptive_max_pool2d(const Tensor<T>& x, Size2 out) {
  const auto attributes = [&] { return Attributes{{"output_size", to_list(out)}}; };
  return detail::max_pool("adaptive_max_pool2d", attributes, x,
                          detail::adaptive_geometry("adaptive_max_pool2d", x, out), false)
      .y;
}

// Mean of each channel. x: NxHxWxC -> NxC.
template <class T>
requires is_floating<T> Tensor<T> global_avg_pool(const Tensor<T>& x) {
  const detail::PoolGeometry geometry = detail::adaptive_geometry("global_avg_pool", x, 1);
  return detail::average_pool("global_avg_pool", [] { return Attributes{}; }, x, geometry, {x.size(0), x.size(3)});
}

namespace detail {
template <class T>
Tensor<T> gem_pool_gradient(const Tensor<T>& x, const Tensor<T>& y, double p, double eps, const Tensor<T>& dy) {
  Tensor<T> dx(x.shape(), uninitialized, x.device());
  const GemPoolGradArgs<T> args = {.batch = x.size(0),
                                   .pixels = x.size(1) * x.size(2),
                                   .channels = x.size(3),
                                   .p = p,
                                   .eps = eps,
                                   .x = x.data(),
                                   .y = y.data(),
                                   .dy = dy.data(),
                                   .dx = dx.mutable_data()};
  choose(args, x.device()).run(args);
  return dx;
}
}  // namespace detail

// Generalised mean of each channel, mean(max(x, eps)^p)^(1/p) (Radenovic et al. 2018): p = 1 is the average, a large p
// near the maximum. x: NxHxWxC -> NxC. Errors: x not of rank 4 or without pixels; p or eps not positive.
template <class T>
requires is_floating<T> Tensor<T> gem_pool(const Tensor<T>& x, double p = 3, double eps = 1e-6) {
  detail::check_maps("gem_pool", x);
  if (x.size(1) < 1 || x.size(2) < 1) fail("gem_pool: input ", x.shape(), " has no pixels");
  if (!(p > 0) || !(eps > 0)) fail("gem_pool: p ", p, " and eps ", eps, " must be positive");
  Tensor<T> y({x.size(0), x.size(3)}, uninitialized, x.device());
  const GemPoolArgs<T> args = {.batch = x.size(0),
                               .pixels = x.size(1) * x.size(2),
                               .channels = x.size(3),
                               .p = p,
                               .eps = eps,
                               .x = x.data(),
                               .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return record(
      "gem_pool",
      [&] {
        return Attributes{{"p", p}, {"eps", eps}};
      },
      {x.id()}, y,
      [id = x.id(), p, eps, kept_x = saved_if(wanted(x), x, "gem_pool: input"),
       kept_y = saved_if(wanted(x), y, "gem_pool: output")](Gradients& g, const Tensor<T>& dy) {
        g.add(id, detail::gem_pool_gradient(kept_x.get(), kept_y.get(), p, eps, dy));
      });
}

}  // namespace fovea::inline FOVEA_ABI
