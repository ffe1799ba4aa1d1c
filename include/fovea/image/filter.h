// The resampling filters and their weights along one axis, in Pillow's arithmetic. Layer image; used by image/resize.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <vector>

#include <fovea/core/suggest.h>

namespace fovea::inline FOVEA_ABI {

enum class Filter : std::uint8_t { nearest, box, bilinear, hamming, bicubic, lanczos };

inline constexpr std::string_view kFilterNames[] = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};

inline constexpr std::string_view name_of(Filter f) { return kFilterNames[static_cast<std::size_t>(f)]; }

// The filter called `name`; any other name is an error.
inline Filter filter_by_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kFilterNames); ++i)
    if (kFilterNames[i] == name) return static_cast<Filter>(i);
  fail("resize: unknown filter '", name, "'", suggest(name, kFilterNames));
}

namespace detail {

inline double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

// Half the width of a filter, in source pixels at scale 1. nearest is never resampled by weights; it counts as box.
inline double filter_support(Filter f) {
  switch (f) {
    case Filter::nearest:
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
    case Filter::hamming:
      return 1.0;
    case Filter::bicubic:
      return 2.0;
    case Filter::lanczos:
      return 3.0;
  }
  return 0.5;
}

inline double filter_value(Filter f, double x) {
  const double a = std::abs(x);
  switch (f) {
    case Filter::nearest:
    case Filter::box:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Filter::bilinear:
      return a < 1.0 ? 1.0 - a : 0.0;
    case Filter::hamming: {
      if (a == 0.0) return 1.0;
      if (a >= 1.0) return 0.0;
      const double t = a * std::numbers::pi;
      return std::sin(t) / t * (0.54 + 0.46 * std::cos(t));
    }
    case Filter::bicubic: {  // Keys 1981 with a = -0.5
      constexpr double k = -0.5;
      if (a < 1.0) return ((k + 2.0) * a - (k + 3.0)) * a * a + 1;
      if (a < 2.0) return (((a - 5) * a + 8) * a - 4) * k;
      return 0.0;
    }
    case Filter::lanczos:
      return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  }
  return 0.0;
}

inline constexpr int kWeightBits = 22;

// For each output pixel of one axis: the source window [first, first + count) and its weights as integers of 22
// fractional bits.
struct AxisWeights {
  struct Window {
    std::int64_t first, count;
  };
  std::vector<Window> windows;
  std::vector<std::int32_t> weights;  // `stride` for each output pixel
  std::int64_t stride = 0;

  const std::int32_t* of(std::int64_t i) const { return weights.data() + i * stride; }
};

// Weights that resample [begin, end) of an axis of `in` pixels to `out` pixels. When it shrinks, the filter is widened
// by the scale, which is the antialiasing.
inline AxisWeights axis_weights(Filter f, std::int64_t in, double begin, double end, std::int64_t out) {
  const double scale = (end - begin) / static_cast<double>(out), filter_scale = std::max(scale, 1.0);
  const double support = filter_support(f) * filter_scale;
  AxisWeights a;
  a.stride = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  a.windows.resize(static_cast<std::size_t>(out));
  a.weights.resize(static_cast<std::size_t>(out * a.stride));
  std::vector<double> w(static_cast<std::size_t>(a.stride));
  for (std::int64_t i = 0; i < out; ++i) {
    const double center = begin + (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const std::int64_t count = std::min(static_cast<std::int64_t>(center + support + 0.5), in) - first;
    double sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      const double value = filter_value(f, (static_cast<double>(k + first) - center + 0.5) * (1.0 / filter_scale));
      w[static_cast<std::size_t>(k)] = value;
      sum += value;
    }
    a.windows[static_cast<std::size_t>(i)] = {first, count};
    for (std::int64_t k = 0; k < count; ++k) {
      const double unit = sum != 0.0 ? w[static_cast<std::size_t>(k)] / sum : w[static_cast<std::size_t>(k)];
      const double fixed = unit * (1 << kWeightBits);
      a.weights[static_cast<std::size_t>(i * a.stride + k)] =
          static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
  }
  return a;
}

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
