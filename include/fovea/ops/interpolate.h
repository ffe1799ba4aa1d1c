// Resizing of feature maps N H W C: nearest, bilinear and bicubic, with PyTorch's coordinates
// (torch.nn.functional.interpolate). Layer ops; ops/resample_taps.h has the weights. Photos are resized by
// image/resize.h.
#pragma once

#include <cmath>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/interpolate/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/resample_taps.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/interpolate/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

enum class InterpolateMode : std::uint8_t { nearest, nearest_exact, bilinear, bicubic };
inline constexpr const char* name_of(InterpolateMode mode) {
  constexpr const char* names[] = {"nearest", "nearest-exact", "bilinear", "bicubic"};
  return names[static_cast<std::size_t>(mode)];
}

struct InterpolateOptions {
  Size2 size = 0;                   // of the output, or
  double scale_h = 0, scale_w = 0;  // output / input: floor(H * scale_h) rows
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;  // not nearest: the corner pixels' centres of input and output coincide
  bool antialias = false;      // not nearest: a shrinking filter is widened to all pixels that an output covers
};

namespace detail {
// Source taps along one dimension. `scale` is the given factor output / input, or 0 if the output's size was given.
// nearest: floor(i s); nearest-exact: floor((i + 0.5) s); bilinear: (i + 0.5) s - 0.5, not below 0, or i (in - 1) /
// (out - 1) with align_corners; s = 1 / scale or in / out. PyTorch rounds s to float in the nearest modes, which
// decides ties.
inline std::vector<InterpolateTap> interpolate_taps(std::int64_t in, std::int64_t out, double scale,
                                                    const InterpolateOptions& o) {
  std::vector<InterpolateTap> taps(static_cast<std::size_t>(out));
  const double exact = scale > 0 ? 1 / scale : static_cast<double>(in) / static_cast<double>(out);
  const double corners = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  const float rounded = scale > 0 ? static_cast<float>(1 / scale) : static_cast<float>(in) / static_cast<float>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    InterpolateTap& t = taps[static_cast<std::size_t>(i)];
    if (o.mode == InterpolateMode::bilinear) {
      const double at = o.align_corners ? static_cast<double>(i) * corners
                                        : std::max(0.0, (static_cast<double>(i) + 0.5) * exact - 0.5);
      t.first = std::min(static_cast<std::int64_t>(at), in - 1);
      t.second = std::min(t.first + 1, in - 1);
      t.weight = std::min(at - static_cast<double>(t.first), 1.0);
    } else {
      const float offset = o.mode == InterpolateMode::nearest ? 0.f : 0.5f;
      t.first = std::min(static_cast<std::int64_t>((static_cast<float>(i) + offset) * rounded), in - 1);
      t.second = t.first;
    }
  }
  return taps;
}

// Output size along one dimension, by size or by scale.
inline std::int64_t interpolate_size(std::int64_t in, std::int64_t size, double scale) {
  if (size > 0) return size;
  const double out = std::floor(static_cast<double>(in) * scale);
  if (!(out >= 1 && out <= 0x1p31))
    fail("interpolate: scale ", scale, " makes ", out, " of an input size of ", in, ", 1 to 2^31 is wanted");
  return static_cast<std::int64_t>(out);
}

template <class T>
void check_interpolate(const Tensor<T>& x, const InterpolateOptions& o) {
  check_maps("interpolate", x);
  const bool by_size = o.size.h >= 1 && o.size.w >= 1, by_scale = o.scale_h > 0 && o.scale_w > 0;
  if (by_size == by_scale || (by_size && (o.scale_h != 0 || o.scale_w != 0)) || (by_scale && o.size != Size2(0)))
    fail("interpolate: size ", o.size.h, "x", o.size.w, " and scale ", o.scale_h, "x", o.scale_w,
         ": exactly one of them is wanted, positive in both dimensions");
  const bool nearest = o.mode <= InterpolateMode::nearest_exact;
  if (o.align_corners && nearest) fail("interpolate: align_corners has no meaning in mode ", name_of(o.mode));
  if (o.antialias && nearest) fail("interpolate: antialias has no meaning in mode ", name_of(o.mode));
  if (o.antialias && o.align_corners) fail("interpolate: antialias and align_corners do not go together");
  if (!is_floating<T> && !nearest)
    fail("interpolate: input ", x.shape(), " is ", dtype_of<T>, ", mode ", name_of(o.mode), " wants a floating type");
  if (x.size(1) < 1 || x.size(2) < 1) fail("interpolate: input ", x.shape(), " has no pixels");
}

// Nearest and bilinear without antialiasing: y of at most two rows and columns.
template <class T>
void interpolate_by_taps(const Tensor<T>& x, const InterpolateOptions& o, Tensor<T>& y) {
  const std::vector<InterpolateTap> rows = interpolate_taps(x.size(1), y.size(1), o.scale_h, o);
  const std::vector<InterpolateTap> columns = interpolate_taps(x.size(2), y.size(2), o.scale_w, o);
  const InterpolateArgs<T> args = {.nearest = o.mode != InterpolateMode::bilinear,
                                   .batch = x.size(0),
                                   .height = x.size(1),
                                   .width = x.size(2),
                                   .channels = x.size(3),
                                   .out_height = y.size(1),
                                   .out_width = y.size(2),
                                   .rows = rows.data(),
                                   .columns = columns.data(),
                                   .x = x.data(),
                                   .y = y.mutable_data()};
  choose(args, x.device()).run(args);
}

// The weights along one dimension, of any mode.
inline ResampleTaps resample_taps(std::int64_t in, std::int64_t out, double scale, const InterpolateOptions& o) {
  if (o.antialias) return antialias_taps(in, out, scale, o.mode == InterpolateMode::bicubic);
  if (o.mode == InterpolateMode::bicubic) return bicubic_taps(in, out, scale, o.align_corners);
  ResampleTaps taps;
  for (const InterpolateTap& t : interpolate_taps(in, out, scale, o)) {
    taps.add(t.first, 1 - t.weight);
    if (t.weight > 0) taps.add(t.second, t.weight);
    taps.end_output();
  }
  return taps;
}

// dx: dy resampled with the transposed weights.
template <class T>
Tensor<T> interpolate_gradient(const Shape& shape, const InterpolateOptions& o, const Tensor<T>& dy) {
  Tensor<T> dx(shape, uninitialized, dy.device());
  resample(dy, transposed(resample_taps(shape[1], dy.size(1), o.scale_h, o), shape[1]),
           transposed(resample_taps(shape[2], dy.size(2), o.scale_w, o), shape[2]), dx);
  return dx;
}

inline Attributes interpolate_attributes(const InterpolateOptions& o) {
  Attributes a = {{"mode", std::string(name_of(o.mode))}, {"align_corners", std::int64_t{o.align_corners}}};
  if (o.antialias) a.emplace_back("antialias", std::int64_t{1});
  if (o.size.h >= 1)
    a.emplace_back("size", to_list(o.size));
  else
    a.emplace_back("scale_h", o.scale_h), a.emplace_back("scale_w", o.scale_w);
  return a;
}
}  // namespace detail

// x: NxHxWxC -> NxH'xW'xC, where H'xW' is options.size or floor(H * scale_h) x floor(W * scale_w). bicubic: Keys 1981,
// a = -0.75 (-0.5 with antialias). The gradient is the transposed resize of dy.
// Errors: x not of rank 4 or without pixels; neither or both of size and scale; align_corners or antialias in a nearest
// mode, or both; another mode than nearest on integers.
template <class T>
Tensor<T> interpolate(const Tensor<T>& x, const InterpolateOptions& options) {
  using namespace detail;
  const InterpolateOptions& o = options;
  check_interpolate(x, o);
  const std::int64_t out_h = interpolate_size(x.size(1), o.size.h, o.scale_h);
  const std::int64_t out_w = interpolate_size(x.size(2), o.size.w, o.scale_w);
  Tensor<T> y({x.size(0), out_h, out_w, x.size(3)}, uninitialized, x.device());
  const auto attributes = [&] { return interpolate_attributes(o); };
  if constexpr (is_floating<T>) {
    if (o.antialias || o.mode == InterpolateMode::bicubic)
      resample(x, resample_taps(x.size(1), out_h, o.scale_h, o), resample_taps(x.size(2), out_w, o.scale_w, o), y);
    else
      interpolate_by_taps(x, o, y);
    return record("interpolate", attributes, {x.id()}, y,
                  [id = x.id(), shape = x.shape(), o](Gradients& g, const Tensor<T>& dy) {
                    g.add(id, interpolate_gradient(shape, o, dy));
                  });
  } else {
    interpolate_by_taps(x, o, y);
    return record("interpolate", attributes, {x.id()}, y);
  }
}

}  // namespace fovea::inline FOVEA_ABI
