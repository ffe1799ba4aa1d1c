// Heat: a map over the network's input becomes an 8-bit grey picture over the whole photo. Layer explain; read
// image/preprocess.h first. The network saw a resized photo's centre crop: the map is laid over just that part, and
// outside it the heat is 0, since the network knows nothing of it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/image/preprocess.h>

namespace fovea::inline FOVEA_ABI {

// A rectangle in the photo's pixels; edges, not pixel centres. It may reach beyond the photo.
struct PhotoBox {
  double left, top, right, bottom;
};

// The part of the photo that the network's input shows. A crop larger than the resized photo shows padding too, so the
// box then reaches beyond the photo. Errors: those of resized_size.
inline PhotoBox input_box(ImageSize photo, const Preprocess& p) {
  const ImageSize size = p.resize > 0 ? resized_size(photo, p.resize) : photo;
  const double across = static_cast<double>(photo.width) / static_cast<double>(size.width);
  const double down = static_cast<double>(photo.height) / static_cast<double>(size.height);
  // As center_crop does it: pad to the crop (an odd rest right and below), then cut.
  const auto begin = [&](std::int64_t length, std::int64_t origin) {
    return length < p.crop ? -((p.crop - length) / 2) : origin;
  };
  if (p.crop == 0) return {0, 0, static_cast<double>(photo.width), static_cast<double>(photo.height)};
  const ImagePoint at = crop_origin(size, p.crop);
  const auto left = static_cast<double>(begin(size.width, at.left));
  const auto top = static_cast<double>(begin(size.height, at.top));
  return {left * across, top * down, (left + p.crop) * across, (top + p.crop) * down};
}

// The photo's aspect with a long side of at most `longest`; a smaller photo keeps its size.
inline ImageSize heat_size(ImageSize photo, std::int64_t longest = 512) {
  if (photo.width < 1 || photo.height < 1 || longest < 1)
    fail("heat: size ", photo.width, "x", photo.height, " to a long side of ", longest);
  const double scale =
      std::min(1.0, static_cast<double>(longest) / static_cast<double>(std::max(photo.width, photo.height)));
  const auto scaled = [&](std::int64_t n) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(n) * scale));
  };
  return {scaled(photo.width), scaled(photo.height)};
}

// Mean of the (2 radius + 1)^2 pixels around each, of those that are there: single pixels' attributions change sign
// from one to the next, and only what a region adds can be looked at. map: H W, as what is returned. Errors: another
// rank, a negative radius.
inline Tensor<float> smoothed(const Tensor<float>& map, std::int64_t radius) {
  if (map.rank() != 2 || radius < 0)
    fail("smoothed: map of shape ", map.shape(), " with radius ", radius, "; H W and 0 or more are wanted");
  const std::int64_t h = map.size(0), w = map.size(1);
  // sums(y, x): of all pixels above and left of (y, x).
  std::vector<double> sums(static_cast<std::size_t>((h + 1) * (w + 1)));
  const auto at = [&](std::int64_t y, std::int64_t x) -> double& {
    return sums[static_cast<std::size_t>(y * (w + 1) + x)];
  };
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x)
      at(y + 1, x + 1) = map.data()[y * w + x] + at(y, x + 1) + at(y + 1, x) - at(y, x);
  Tensor<float> out(map.shape(), uninitialized);
  float* to = out.mutable_data();
  for (std::int64_t y = 0; y < h; ++y) {
    const std::int64_t y0 = std::max<std::int64_t>(0, y - radius), y1 = std::min(h, y + radius + 1);
    for (std::int64_t x = 0; x < w; ++x) {
      const std::int64_t x0 = std::max<std::int64_t>(0, x - radius), x1 = std::min(w, x + radius + 1);
      const double sum = at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0);
      to[y * w + x] = static_cast<float>(sum / static_cast<double>((y1 - y0) * (x1 - x0)));
    }
  }
  return out;
}

namespace detail {
// 0 and below: 0; the largest value: 255; a map without a positive value is black. map: H W; returns H W 1.
inline Tensor<std::uint8_t> grey_levels(const Tensor<float>& map) {
  float most = 0;
  for (const float v : map.values()) most = std::max(most, v);
  Tensor<std::uint8_t> grey({map.size(0), map.size(1), 1});
  if (!(most > 0)) return grey;
  std::uint8_t* to = grey.mutable_data();
  for (const float v : map.values()) *to++ = static_cast<std::uint8_t>(std::lround(255 * std::max(0.0f, v / most)));
  return grey;
}

// Bilinear filtering takes the edge off a peak: the largest value becomes 255 again. Black stays black.
inline void stretch_to_white(Tensor<std::uint8_t>& grey) {
  const auto values = grey.mutable_values();
  const int most = *std::max_element(values.begin(), values.end());
  if (most == 0) return;
  for (std::uint8_t& v : values) v = static_cast<std::uint8_t>((v * 255 + most / 2) / most);
}

// One axis: the map of `cells` lies over [low, high) of a photo of `length` pixels, drawn with `pixels`. The drawn
// pixels whose centres it covers, and what of the map they show.
struct HeatAxis {
  std::int64_t begin, end;
  float from, to;
};
inline HeatAxis heat_axis(double low, double high, std::int64_t length, std::int64_t pixels, std::int64_t cells) {
  const double scale = static_cast<double>(pixels) / static_cast<double>(length);
  const auto first_at = [&](double edge) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(edge * scale - 0.5)), 0, pixels);
  };
  const auto of_map = [&](std::int64_t pixel) {
    const double cell = (static_cast<double>(pixel) / scale - low) / (high - low) * static_cast<double>(cells);
    return static_cast<float>(std::clamp(cell, 0.0, static_cast<double>(cells)));
  };
  const std::int64_t begin = first_at(low), end = first_at(high);
  return {begin, end, of_map(begin), of_map(end)};
}
}  // namespace detail

// The picture of a map. map: H W over the network's input, any size; values of 0 and below are black, the largest that
// is drawn is 255. Returns H W 1 of the photo's aspect, long side at most `longest`, between the cells interpolated
// linearly. Errors: those of heat_size and input_box, a map of another rank or without values.
inline Tensor<std::uint8_t> heat_picture(const Tensor<float>& map, ImageSize photo, const Preprocess& p,
                                         std::int64_t longest = 512) {
  if (map.rank() != 2 || map.numel() == 0) fail("heat: map of shape ", map.shape(), ", H W is wanted");
  const ImageSize size = heat_size(photo, longest);
  const PhotoBox box = input_box(photo, p);
  const detail::HeatAxis x = detail::heat_axis(box.left, box.right, photo.width, size.width, map.size(1));
  const detail::HeatAxis y = detail::heat_axis(box.top, box.bottom, photo.height, size.height, map.size(0));
  Tensor<std::uint8_t> heat({size.height, size.width, 1});
  if (x.begin == x.end || y.begin == y.end || !(x.from < x.to) || !(y.from < y.to)) return heat;
  Tensor<std::uint8_t> inside = resize(detail::grey_levels(map), {.width = x.end - x.begin,
                                                                  .height = y.end - y.begin,
                                                                  .filter = Filter::bilinear,
                                                                  .box = {{x.from, y.from, x.to, y.to}}});
  detail::stretch_to_white(inside);
  for (std::int64_t row = 0; row < inside.size(0); ++row)
    std::copy_n(inside.data() + row * inside.size(1), inside.size(1),
                heat.mutable_data() + (y.begin + row) * size.width + x.begin);
  return heat;
}

// Heat as colour: black, violet, red, orange, yellow, in equal steps; each brighter than the one before, so that the
// order can be seen without colour too.
inline std::array<std::uint8_t, 3> heat_color(std::uint8_t heat) {
  static constexpr std::array<std::array<int, 3>, 5> kStops = {
      {{0, 0, 10}, {90, 20, 110}, {200, 45, 70}, {245, 135, 25}, {255, 240, 120}}};
  const int at = heat * 4, low = std::min(at / 255, 3), part = at - low * 255;
  std::array<std::uint8_t, 3> color{};
  for (std::size_t c = 0; c < 3; ++c) {
    const int a = kStops[static_cast<std::size_t>(low)][c], b = kStops[static_cast<std::size_t>(low) + 1][c];
    color[c] = static_cast<std::uint8_t>((a * (255 - part) + b * part + 127) / 255);
  }
  return color;
}

}  // namespace fovea::inline FOVEA_ABI
