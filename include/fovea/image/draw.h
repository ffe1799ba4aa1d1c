// Drawing on 8-bit RGB pictures: filled rectangles, other pictures, text. Layer image. What lies outside the picture is
// cut off; nothing is blended.
//
//   Tensor<std::uint8_t> picture({40, 200, 3});
//   draw_text(picture, 4, 4, "tiger cat 37.7 %", {255, 255, 255}, 2);
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/core/tensor.h>
#include <fovea/image/font.h>

namespace fovea::inline FOVEA_ABI {

using Color = std::array<std::uint8_t, 3>;  // red, green, blue

namespace detail {
inline void check_canvas(const char* what, const Tensor<std::uint8_t>& picture) {
  if (picture.rank() != 3 || picture.size(2) != 3) fail(what, ": picture ", picture.shape(), ", H W 3 is wanted");
}
}  // namespace detail

// The rectangle of width x height pixels whose corner is (left, top). picture: H W 3.
inline void fill_rect(Tensor<std::uint8_t>& picture, std::int64_t left, std::int64_t top, std::int64_t width,
                      std::int64_t height, Color color) {
  detail::check_canvas("fill_rect", picture);
  const std::int64_t w = picture.size(1), x0 = std::clamp<std::int64_t>(left, 0, w),
                     x1 = std::clamp<std::int64_t>(left + width, 0, w);
  std::uint8_t* to = picture.mutable_data();
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + height, picture.size(0)); ++y)
    for (std::int64_t x = x0; x < x1; ++x) std::copy(color.begin(), color.end(), to + (y * w + x) * 3);
}

// Copies a picture h w 3 onto another H W 3, its corner at (left, top).
inline void draw_picture(Tensor<std::uint8_t>& picture, std::int64_t left, std::int64_t top,
                         const Tensor<std::uint8_t>& other) {
  detail::check_canvas("draw_picture", picture);
  detail::check_canvas("draw_picture", other);
  const std::int64_t w = picture.size(1), x0 = std::clamp<std::int64_t>(-left, 0, other.size(1)),
                     x1 = std::clamp<std::int64_t>(w - left, x0, other.size(1));
  std::uint8_t* to = picture.mutable_data();
  for (std::int64_t y = std::max<std::int64_t>(-top, 0); y < std::min(picture.size(0) - top, other.size(0)); ++y)
    std::copy_n(other.data() + (y * other.size(1) + x0) * 3, (x1 - x0) * 3, to + ((top + y) * w + left + x0) * 3);
}

// A line of text is 9 * scale pixels high, descenders included, and 6 * scale a character wide. UTF-8: what is not
// ASCII is drawn as one box a character.
inline constexpr std::int64_t kTextHeight = detail::kGlyphHeight, kTextAdvance = detail::kGlyphWidth;

namespace detail {
inline bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
}  // namespace detail

inline std::int64_t text_width(std::string_view text, int scale = 1) {
  return scale * kTextAdvance *
         (std::ssize(text) - std::count_if(text.begin(), text.end(), detail::continues_character));
}

// Writes a line whose upper left corner is (left, top). picture: H W 3; scale: pixels a dot, 1 or more.
inline void draw_text(Tensor<std::uint8_t>& picture, std::int64_t left, std::int64_t top, std::string_view text,
                      Color color, int scale = 1) {
  if (scale < 1) fail("draw_text: scale ", scale, ", 1 or more is right");
  for (const char c : text) {
    if (detail::continues_character(c)) continue;
    for (int y = 0; y < detail::kGlyphHeight; ++y)
      for (int x = 0; x < detail::kGlyphWidth; ++x)
        if (detail::glyph_ink(static_cast<unsigned char>(c), x, y))
          fill_rect(picture, left + x * scale, top + y * scale, scale, scale, color);
    left += scale * kTextAdvance;
  }
}

// The text, or as much of its beginning as is at most `width` pixels wide, then "..".
inline std::string text_that_fits(std::string_view text, std::int64_t width, int scale = 1) {
  if (text_width(text, scale) <= width) return std::string(text);
  std::size_t end = text.size();
  while (end > 0 && text_width(text.substr(0, end), scale) > width - text_width("..", scale)) do
      --end;
    while (end > 0 && detail::continues_character(text[end]));
  return std::string(text.substr(0, end)) + "..";
}

}  // namespace fovea::inline FOVEA_ABI
