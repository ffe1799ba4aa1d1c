// Resizing of feature maps N H W C: nearest and bilinear, with PyTorch's coordinates (torch.nn.functional.interpolate,
// antialias off). Layer ops. Photos are resized by image/resize.h, which antialiases.
#pragma once

#include <cmath>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/interpolate/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/interpolate/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

enum class InterpolateMode : std::uint8_t { nearest, nearest_exact, bilinear };
inline constexpr const char* name_of(InterpolateMode mode) {
  constexpr const char* names[] = {"nearest", "nearest-exact", "bilinear"};
  return names[static_cast<std::size_t>(mode)];
}

struct InterpolateOptions {
  Size2 size = 0;                   // of the output, or
  double scale_h = 0, scale_w = 0;  // output / input: floor(H * scale_h) rows
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;  // bilinear: the corner pixels' centres of input and output coincide
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
}  // namespace detail

// x: NxHxWxC -> NxH'xW'xC, where H'xW' is options.size or floor(H * scale_h) x floor(W * scale_w).
// Errors: x not of rank 4 or without pixels; neither or both of size and scale; align_corners in a nearest mode;
// bilinear on integers.
template <class T>
Tensor<T> interpolate(const Tensor<T>& x, const InterpolateOptions& options) {
  using namespace detail;
  const InterpolateOptions& o = options;
  check_maps("interpolate", x);
  const bool by_size = o.size.h >= 1 && o.size.w >= 1, by_scale = o.scale_h > 0 && o.scale_w > 0;
  if (by_size == by_scale || (by_size && (o.scale_h != 0 || o.scale_w != 0)) || (by_scale && o.size != Size2(0)))
    fail("interpolate: size ", o.size.h, "x", o.size.w, " and scale ", o.scale_h, "x", o.scale_w,
         ": exactly one of them is wanted, positive in both dimensions");
  if (o.align_corners && o.mode != InterpolateMode::bilinear)
    fail("interpolate: align_corners has no meaning in mode ", name_of(o.mode));
  if (!is_floating<T> && o.mode == InterpolateMode::bilinear)
    fail("interpolate: input ", x.shape(), " is ", dtype_of<T>, ", mode bilinear wants a floating type");
  if (x.size(1) < 1 || x.size(2) < 1) fail("interpolate: input ", x.shape(), " has no pixels");

  const std::int64_t out_h = interpolate_size(x.size(1), o.size.h, o.scale_h);
  const std::int64_t out_w = interpolate_size(x.size(2), o.size.w, o.scale_w);
  Tensor<T> y({x.size(0), out_h, out_w, x.size(3)}, uninitialized, x.device());
  const std::vector<InterpolateTap> rows = interpolate_taps(x.size(1), out_h, o.scale_h, o);
  const std::vector<InterpolateTap> columns = interpolate_taps(x.size(2), out_w, o.scale_w, o);
  const InterpolateArgs<T> args = {.nearest = o.mode != InterpolateMode::bilinear,
                                   .batch = x.size(0),
                                   .height = x.size(1),
                                   .width = x.size(2),
                                   .channels = x.size(3),
                                   .out_height = out_h,
                                   .out_width = out_w,
                                   .rows = rows.data(),
                                   .columns = columns.data(),
                                   .x = x.data(),
                                   .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  const auto attributes = [&] {
    Attributes a = {{"mode", std::string(name_of(o.mode))}, {"align_corners", std::int64_t{o.align_corners}}};
    if (by_size)
      a.emplace_back("size", to_list(o.size));
    else
      a.emplace_back("scale_h", o.scale_h), a.emplace_back("scale_w", o.scale_w);
    return a;
  };
  return record("interpolate", attributes, {x.id()}, y);
}

}  // namespace fovea::inline FOVEA_ABI
