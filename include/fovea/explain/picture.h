// An explanation to look at: the photo, beside it the photo under its heat, the class and a legend. Layer explain; read
// explainer.h first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include <fovea/explain/explainer.h>
#include <fovea/image/draw.h>
#include <fovea/image/resize.h>

namespace fovea::inline FOVEA_ABI {

// The photo in grey and darker, coloured by heat_color where there is heat. photo: H W 3, heat: H W 1 of the same size.
inline Image heat_overlay(const Image& photo, const Tensor<std::uint8_t>& heat) {
  if (photo.rank() != 3 || photo.size(2) != 3 || heat.shape() != photo.shape().with(2, 1))
    fail("heat_overlay: photo ", photo.shape(), ", heat ", heat.shape(), "; H W 3 and H W 1 of one size are wanted");
  Image out(photo.shape(), uninitialized);
  const std::uint8_t* in = photo.data();
  std::uint8_t* to = out.mutable_data();
  for (const std::uint8_t h : heat.values()) {
    const int grey = (299 * in[0] + 587 * in[1] + 114 * in[2]) / 1000;
    const Color color = heat_color(h);
    const int part = 64 + h / 2;  // of the colour, in 256; never all, so that the photo stays to be seen
    for (std::size_t c = 0; c < 3; ++c)
      to[c] = static_cast<std::uint8_t>((grey * (256 - part) + color[c] * part) / 256);
    in += 3, to += 3;
  }
  return out;
}

// "tiger cat  37.7 %".
inline std::string explained_class_text(const Explanation& e) {
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.1f %%", 100.0 * static_cast<double>(e.probability));
  return e.name + "  " + percent;
}

// "Grad-CAM of layer4.2".
inline std::string method_text(const Explanation& e) {
  if (e.method == "gradcam") return "Grad-CAM of " + e.layer;
  if (e.method == "ig") return to_text("integrated gradients, ", e.steps, " steps");
  return e.method;
}

namespace detail {
// Black, to yellow from the left to the right, with what the ends mean. The bar's corner is (left, top).
inline void draw_legend(Image& picture, std::int64_t left, std::int64_t top, std::int64_t width, Color ink) {
  const std::string low = "none", high = "most evidence";
  const std::int64_t text = text_width(low + high) + 2 * kTextAdvance, bar = std::max<std::int64_t>(width - text, 0);
  draw_text(picture, left, top + 2, low, ink);
  left += text_width(low) + kTextAdvance;
  for (std::int64_t x = 0; x < bar; ++x)
    fill_rect(picture, left + x, top, 1, 12,
              heat_color(static_cast<std::uint8_t>(255 * x / std::max<std::int64_t>(bar - 1, 1))));
  draw_text(picture, left + bar + kTextAdvance, top + 2, high, ink);
}
}  // namespace detail

// photo: the upright photo that was explained, H W 3. Returns a picture H W 3 of about 1100 pixels across, or less for
// small photos, which are enlarged by the largest whole factor that leaves their long side within 256.
inline Image explanation_picture(const Image& photo, const Explanation& e) {
  const std::int64_t enlarge = std::max<std::int64_t>(1, 256 / std::max(e.width, e.height));
  const std::int64_t w = e.width * enlarge, h = e.height * enlarge;
  const auto sized = [&](const Tensor<std::uint8_t>& t, std::int64_t width, std::int64_t height, Filter filter) {
    return resize(t, {.width = width, .height = height, .filter = filter});
  };
  const Image small = sized(sized(photo, e.width, e.height, Filter::bilinear), w, h, Filter::nearest);
  const Image hot = heat_overlay(small, sized(e.heat, w, h, Filter::nearest));

  constexpr std::int64_t kMargin = 14, kTitle = 2 * kTextHeight, kLine = kTextHeight + 6;
  constexpr Color kInk = {25, 25, 30}, kFaint = {95, 95, 105};
  const std::int64_t width = std::max<std::int64_t>(3 * kMargin + 2 * w, 320);
  const std::int64_t top = 2 * kMargin + kTitle, below = top + h + kMargin / 2;
  Image picture({below + kLine + kMargin / 2, width, 3}, std::uint8_t{255});
  const std::int64_t room = width - 2 * kMargin;
  const int scale = text_width(explained_class_text(e), 2) <= room ? 2 : 1;
  draw_text(picture, kMargin, kMargin, text_that_fits(explained_class_text(e), room, scale), kInk, scale);
  draw_picture(picture, kMargin, top, small);
  draw_picture(picture, 2 * kMargin + w, top, hot);
  const std::int64_t half = (width - 3 * kMargin) / 2;
  draw_text(picture, kMargin, below + 2, text_that_fits(method_text(e), half), kFaint);
  detail::draw_legend(picture, 2 * kMargin + half, below, half, kFaint);
  return picture;
}

}  // namespace fovea::inline FOVEA_ABI
