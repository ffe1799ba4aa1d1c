// Weights of resizing along one dimension, and their transpose. Layer ops; part of ops/interpolate.h and ops/pad.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/cpu/resample/args.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/resample/table.h>
#endif

namespace fovea::inline FOVEA_ABI::detail {

// Keys' cubic convolution filter (1981) with parameter a; its support is 2 on either side.
inline double cubic_filter(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
inline double triangle_filter(double x) { return std::max(0.0, 1 - std::abs(x)); }

// Input pixels a step of one output pixel: 1 / scale, or in / out if scale is 0.
inline double resample_step(std::int64_t in, std::int64_t out, double scale) {
  return scale > 0 ? 1 / scale : static_cast<double>(in) / static_cast<double>(out);
}

// Bicubic without antialiasing: the four pixels around (i + 0.5) step - 0.5, or i (in - 1) / (out - 1) with
// align_corners. Positions outside read the border pixel.
inline ResampleTaps bicubic_taps(std::int64_t in, std::int64_t out, double scale, bool align_corners) {
  ResampleTaps taps;
  const double step = resample_step(in, out, scale);
  const double corners = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  for (std::int64_t i = 0; i < out; ++i) {
    const double at = align_corners ? static_cast<double>(i) * corners : (static_cast<double>(i) + 0.5) * step - 0.5;
    const double floor = std::floor(at);
    for (int k = -1; k <= 2; ++k)
      taps.add(std::clamp<std::int64_t>(static_cast<std::int64_t>(floor) + k, 0, in - 1),
               cubic_filter(at - floor - k, -0.75));
    taps.end_output();
  }
  return taps;
}

// Antialiased bilinear or bicubic: all pixels under the filter, which is widened by the step where that is above 1;
// weights add up to 1.
inline ResampleTaps antialias_taps(std::int64_t in, std::int64_t out, double scale, bool cubic) {
  ResampleTaps taps;
  const double step = resample_step(in, out, scale);
  const double width = std::max(step, 1.0), support = (cubic ? 2 : 1) * width;
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const std::int64_t last = std::min(static_cast<std::int64_t>(centre + support + 0.5), in);
    const std::size_t begin = taps.taps.size();
    double sum = 0;
    for (std::int64_t k = first; k < last; ++k) {
      const double x = (static_cast<double>(k) - centre + 0.5) / width;
      taps.add(k, cubic ? cubic_filter(x, -0.5) : triangle_filter(x));
      sum += taps.taps.back().weight;
    }
    for (std::size_t k = begin; k < taps.taps.size(); ++k) taps.taps[k].weight /= sum;
    taps.end_output();
  }
  return taps;
}

// For each of `in` positions the outputs that read it, in rising order, with their weights: the gradient's taps.
inline ResampleTaps transposed(const ResampleTaps& taps, std::int64_t in) {
  ResampleTaps t;
  t.start.assign(static_cast<std::size_t>(in) + 1, 0);
  for (const ResampleTap& tap : taps.taps) ++t.start[static_cast<std::size_t>(tap.source) + 1];
  for (std::size_t k = 1; k < t.start.size(); ++k) t.start[k] += t.start[k - 1];
  t.taps.resize(taps.taps.size());
  std::vector<std::int64_t> next(t.start.begin(), t.start.end() - 1);
  for (std::int64_t i = 0; i < taps.outputs(); ++i)
    for (const ResampleTap& tap : taps.of(i))
      t.taps[static_cast<std::size_t>(next[static_cast<std::size_t>(tap.source)]++)] = {i, tap.weight};
  return t;
}

// y(n, i, j, c) = sum over the taps of row i and column j of x. y has its shape already.
template <class T>
void resample(const Tensor<T>& x, const ResampleTaps& rows, const ResampleTaps& columns, Tensor<T>& y) {
  const ResampleArgs<T> args = {.batch = x.size(0),
                                .height = x.size(1),
                                .width = x.size(2),
                                .channels = x.size(3),
                                .rows = &rows,
                                .columns = &columns,
                                .x = x.data(),
                                .y = y.mutable_data()};
  choose(args, x.device()).run(args);
}

}  // namespace fovea::inline FOVEA_ABI::detail
