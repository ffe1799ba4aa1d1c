// What torchvision's evaluation transform does to a photo: Resize(short side), CenterCrop, ToTensor, Normalize. Layer
// image. One function for training and use, tested against stored pixels; its options travel in the weight file.
#pragma once

#include <array>
#include <charconv>
#include <cmath>

#include <fovea/core/json.h>
#include <fovea/core/suggest.h>
#include <fovea/core/tensor.h>
#include <fovea/image/resize.h>

namespace fovea::inline FOVEA_ABI {

struct Preprocess {
  int resize = 256;                                   // short side in pixels; 0 = keep the size
  int crop = 224;                                     // square from the centre; 0 = the whole picture
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};  // of pixels in 0..1
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};
  Filter interpolation = Filter::bilinear;

  // {"resize":256,"crop":224,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"interpolation":"bilinear"}, the
  // value of fovea.preprocess in a weight file. Reading wants all five members and no other: nothing is guessed.
  Json to_json() const;
  static Preprocess from_json(const Json& json, std::string_view what = "fovea.preprocess");

  friend bool operator==(const Preprocess&, const Preprocess&) = default;
};

namespace detail {

// The shortest decimal that reads back as this float, so that 0.485f is written as 0.485.
inline double shortest_double(float value) {
  char text[48];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double v = 0;
  std::from_chars(text, end, v);
  return v;
}

inline std::array<float, 3> channels_from_json(const Json& json, std::string_view what, std::string_view key) {
  const Json::Array& values = json.at(key, what).as_array(what);
  if (values.size() != 3) fail_data({.field = what}, key, " has ", values.size(), " values, 3 are right");
  std::array<float, 3> out{};
  for (std::size_t i = 0; i < 3; ++i) {
    out[i] = static_cast<float>(values[i].as_double(what));
    if (!std::isfinite(out[i]) || (key == "std" && !(out[i] > 0)))
      fail_data({.field = what}, key, "[", i, "] is ", values[i], key == "std" ? "; it must be above 0" : "");
  }
  return out;
}

inline int pixels_from_json(const Json& json, std::string_view what, std::string_view key) {
  constexpr std::int64_t kMost = 16384;
  const std::int64_t v = json.at(key, what).as_int(what);
  if (v < 0 || v > kMost) fail_data({.field = what}, key, " is ", v, ", 0 to ", kMost, " is right");
  return static_cast<int>(v);
}

}  // namespace detail

inline Json Preprocess::to_json() const {
  Json out;
  out["resize"] = resize;
  out["crop"] = crop;
  for (const float v : mean) out["mean"].push_back(detail::shortest_double(v));
  for (const float v : std) out["std"].push_back(detail::shortest_double(v));
  out["interpolation"] = name_of(interpolation);
  return out;
}

inline Preprocess Preprocess::from_json(const Json& json, std::string_view what) {
  constexpr std::string_view keys[] = {"resize", "crop", "mean", "std", "interpolation"};
  for (const auto& [key, value] : json.items(what))
    if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys))
      fail_data({.field = what}, "unknown member '", key, "'", suggest(key, keys));
  Preprocess p;
  p.resize = detail::pixels_from_json(json, what, "resize");
  p.crop = detail::pixels_from_json(json, what, "crop");
  p.mean = detail::channels_from_json(json, what, "mean");
  p.std = detail::channels_from_json(json, what, "std");
  const std::string& filter = json.at("interpolation", what).as_string(what);
  const auto* const known = std::find(std::begin(kFilterNames), std::end(kFilterNames), filter);
  if (known == std::end(kFilterNames))
    fail_data({.field = what}, "unknown interpolation '", filter, "'", suggest(filter, kFilterNames));
  p.interpolation = static_cast<Filter>(known - std::begin(kFilterNames));
  return p;
}

struct ImageSize {
  std::int64_t width, height;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};
struct ImagePoint {
  std::int64_t left, top;
  friend bool operator==(const ImagePoint&, const ImagePoint&) = default;
};

// The size with the given short side; the long side is cut, not rounded: int(short_side * long / short).
inline ImageSize resized_size(ImageSize size, std::int64_t short_side) {
  if (size.width < 1 || size.height < 1 || short_side < 1)
    fail("preprocess: size ", size.width, "x", size.height, " to short side ", short_side);
  const std::int64_t low = std::min(size.width, size.height), high = std::max(size.width, size.height);
  const auto other = static_cast<std::int64_t>(static_cast<double>(short_side * high) / static_cast<double>(low));
  return size.width <= size.height ? ImageSize{short_side, other} : ImageSize{other, short_side};
}

// Where a centre crop begins: (size - crop) / 2 rounded half to even, as Python's round. The picture is not smaller.
inline ImagePoint crop_origin(ImageSize size, std::int64_t crop) {
  const auto half = [](std::int64_t d) { return d / 2 + (d % 2 != 0 && (d / 2) % 2 != 0 ? 1 : 0); };
  return {half(size.width - crop), half(size.height - crop)};
}

namespace detail {

// Pads with 0 to at least crop x crop; an odd rest goes to the right and below (torchvision's center_crop).
inline Tensor<std::uint8_t> pad_to(const Tensor<std::uint8_t>& image, std::int64_t crop) {
  const std::int64_t h = image.size(0), w = image.size(1), c = image.size(2);
  if (h >= crop && w >= crop) return image;
  const std::int64_t out_h = std::max(h, crop), out_w = std::max(w, crop);
  Tensor<std::uint8_t> out(Shape{out_h, out_w, c});
  const std::int64_t top = (out_h - h) / 2, left = (out_w - w) / 2;
  std::uint8_t* to = out.mutable_data();
  for (std::int64_t y = 0; y < h; ++y)
    std::copy_n(image.data() + y * w * c, w * c, to + ((top + y) * out_w + left) * c);
  return out;
}

}  // namespace detail

// The crop x crop square from the centre of an image H W C; a smaller picture is padded with 0 first.
inline Tensor<std::uint8_t> center_crop(const Tensor<std::uint8_t>& image, std::int64_t crop) {
  if (image.rank() != 3 || crop < 1) fail("center_crop: ", crop, " of an image of shape ", image.shape(), " (H W C)");
  const Tensor<std::uint8_t> source = detail::pad_to(image, crop);
  const std::int64_t w = source.size(1), c = source.size(2);
  const ImagePoint at = crop_origin({w, source.size(0)}, crop);
  Tensor<std::uint8_t> out({crop, crop, c}, uninitialized);
  std::uint8_t* to = out.mutable_data();
  for (std::int64_t y = 0; y < crop; ++y)
    std::copy_n(source.data() + ((at.top + y) * w + at.left) * c, crop * c, to + y * crop * c);
  return out;
}

// Most pixels that crop_u8 resizes to.
inline constexpr std::int64_t kMostResized = 89'000'000;

// The 8-bit steps: resize and crop. image: H W 3; returns crop crop 3 (or the whole picture).
inline Tensor<std::uint8_t> crop_u8(const Tensor<std::uint8_t>& image, const Preprocess& p) {
  if (image.rank() != 3 || image.numel() == 0) fail("preprocess: image of shape ", image.shape(), ", H W C is wanted");
  if (p.resize < 0 || p.crop < 0) fail("preprocess: resize ", p.resize, ", crop ", p.crop, "; neither may be negative");
  Tensor<std::uint8_t> out = image;
  const ImageSize size{image.size(1), image.size(0)};
  if (p.resize > 0 && std::min(size.width, size.height) != p.resize) {
    const ImageSize to = resized_size(size, p.resize);
    // A strip of 1 x 100,000 pixels would become 256 x 25,600,000.
    if (to.width > kMostResized / to.height)
      fail("preprocess: ", size.width, "x", size.height, " with short side ", p.resize, " becomes ", to.width, "x",
           to.height, ", more than ", kMostResized, " pixels");
    out = resize(image, {.width = to.width, .height = to.height, .filter = p.interpolation});
  }
  return p.crop > 0 ? center_crop(out, p.crop) : out;
}

// (u8 / 255 - mean) / std in float, channel by channel. image: H W 3; returns H W 3.
inline Tensor<float> normalize(const Tensor<std::uint8_t>& image, const Preprocess& p) {
  if (image.rank() != 3 || image.size(2) != 3) fail("normalize: image of shape ", image.shape(), ", H W 3 is wanted");
  std::array<std::array<float, 256>, 3> table{};  // 768 divisions instead of two a sample, with the same result
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(std::abs(p.std[c]) > 0)) fail("normalize: std ", p.std[c], " of channel ", c, " must not be zero");
    for (std::size_t v = 0; v < 256; ++v) table[c][v] = (static_cast<float>(v) / 255.0f - p.mean[c]) / p.std[c];
  }
  Tensor<float> out(image.shape(), uninitialized);
  float* to = out.mutable_data();
  const std::uint8_t* in = image.data();
  for (std::int64_t i = 0; i < image.numel(); i += 3)
    for (std::size_t c = 0; c < 3; ++c)
      to[i + static_cast<std::int64_t>(c)] = table[c][in[i + static_cast<std::int64_t>(c)]];
  return out;
}

// A network's input from a photo. image: H W 3; returns crop crop 3.
inline Tensor<float> preprocess(const Tensor<std::uint8_t>& image, const Preprocess& p) {
  return normalize(crop_u8(image, p), p);
}

}  // namespace fovea::inline FOVEA_ABI
