// How windows lie on a map, and the pool of a map by its windows, both ways. Layer ops; part of ops/pool.h.
#pragma once

#include <limits>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/pool_grad/args.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/pool/table.h>
#  include <fovea/cpu/pool_grad/table.h>
#endif

namespace fovea::inline FOVEA_ABI::detail {

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

// For each of `in` positions the windows that reach over it. Spans begin and end in rising order, so they are
// neighbours.
inline std::vector<PoolWindows> windows_over(std::int64_t in, const std::vector<PoolSpan>& spans) {
  std::vector<PoolWindows> windows(static_cast<std::size_t>(in));
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(spans.size()); ++i) {
    const PoolSpan& s = spans[static_cast<std::size_t>(i)];
    for (std::int64_t k = s.begin; k < s.end; ++k) {
      PoolWindows& w = windows[static_cast<std::size_t>(k)];
      if (w.begin == w.end) w.begin = i;
      w.end = i + 1;
    }
  }
  return windows;
}

// The windows of a pool: the product of spans of rows and of columns.
struct PoolGeometry {
  std::vector<PoolSpan> rows, columns;
  std::int64_t step_h = 1, step_w = 1;  // dilation
  std::int64_t divisor = 0;             // of the average; 0: the windows' own counts
};
// For a backward function: nothing, unless it is wanted.
inline PoolGeometry kept_if(bool keep, const PoolGeometry& geometry) { return keep ? geometry : PoolGeometry(); }

template <class T>
Shape pooled_shape(const Tensor<T>& x, const PoolGeometry& g) {
  return {x.size(0), static_cast<std::int64_t>(g.rows.size()), static_cast<std::int64_t>(g.columns.size()), x.size(3)};
}

// Room for the places of the maxima.
template <class T>
Tensor<std::int32_t> pool_index(const char* op, const Tensor<T>& x, const PoolGeometry& g) {
  if (x.size(1) * x.size(2) > std::numeric_limits<std::int32_t>::max())
    fail(op, ": input ", x.shape(), " has more than 2^31 pixels, which int32 places do not reach");
  return Tensor<std::int32_t>(pooled_shape(x, g), uninitialized, x.device());
}

// All but y and index.
template <class T>
PoolArgs<T> pool_args(const Tensor<T>& x, PoolKind kind, const PoolGeometry& g) {
  return {.kind = kind,
          .batch = x.size(0),
          .height = x.size(1),
          .width = x.size(2),
          .channels = x.size(3),
          .out_height = static_cast<std::int64_t>(g.rows.size()),
          .out_width = static_cast<std::int64_t>(g.columns.size()),
          .step_h = g.step_h,
          .step_w = g.step_w,
          .rows = g.rows.data(),
          .columns = g.columns.data(),
          .divisor = g.divisor,
          .x = x.data()};
}

// y of shape `shape`: pooled_shape, or without the sizes of 1. Fills `index` where it is defined.
template <class T>
Tensor<T> pool_values(const Tensor<T>& x, PoolKind kind, const PoolGeometry& g, const Shape& shape,
                      Tensor<std::int32_t> index) {
  Tensor<T> y(shape, uninitialized, x.device());
  PoolArgs<T> args = pool_args(x, kind, g);
  args.y = y.mutable_data(), args.index = index.mutable_data();
  choose(args, x.device()).run(args);
  return y;
}

// All but dy, index and dx, which has shape `shape`.
template <class T>
PoolGradArgs<T> pool_grad_args(PoolKind kind, const Shape& shape, const PoolGeometry& g,
                               const std::vector<PoolWindows>& rows, const std::vector<PoolWindows>& columns) {
  return {.kind = kind,
          .batch = shape[0],
          .height = shape[1],
          .width = shape[2],
          .channels = shape[3],
          .out_height = static_cast<std::int64_t>(g.rows.size()),
          .out_width = static_cast<std::int64_t>(g.columns.size()),
          .step_h = g.step_h,
          .step_w = g.step_w,
          .rows = g.rows.data(),
          .columns = g.columns.data(),
          .row_windows = rows.data(),
          .column_windows = columns.data(),
          .divisor = g.divisor};
}

// dx of shape `shape`; `index` is the maximum's.
template <class T>
Tensor<T> pool_gradient(PoolKind kind, const Shape& shape, const PoolGeometry& g, const Tensor<T>& dy,
                        const Tensor<std::int32_t>& index) {
  const std::vector<PoolWindows> rows = windows_over(shape[1], g.rows), columns = windows_over(shape[2], g.columns);
  Tensor<T> dx(shape, uninitialized, dy.device());
  PoolGradArgs<T> args = pool_grad_args<T>(kind, shape, g, rows, columns);
  args.dy = dy.data(), args.index = index.data(), args.dx = dx.mutable_data();
  choose(args, dy.device()).run(args);
  return dx;
}

inline void add_padding(Attributes& attributes, const Padding& p) {
  if (p.is_same)
    attributes.emplace_back("padding", "same");
  else
    attributes.emplace_back("padding", to_list(p));
}

}  // namespace fovea::inline FOVEA_ABI::detail
