// The orientation tag of EXIF data (JPEG APP1, PNG eXIf), and turning a picture upright. Layer image.
// EXIF 2.3, section 4.6: a TIFF header, then image file directory 0; tag 0x0112 holds 1..8.
#pragma once

#include <fovea/core/tensor.h>
#include <fovea/image/byte_reader.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

// The value of one directory entry as an orientation; 0 if it is not an integer of 1..8.
inline int orientation_value(ByteReader& r, std::uint16_t type) {
  const std::uint32_t value = type == 3 ? r.u16("Orientation") : type == 4 ? r.u32("Orientation") : 0;
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 0;
}

inline void copy_pixel(const std::uint8_t* from, std::int64_t channels, std::uint8_t* to) {
  for (std::int64_t c = 0; c < channels; ++c) to[c] = from[c];
}

}  // namespace detail

// Orientation 1..8 of EXIF bytes (with or without the "Exif\0\0" prefix). 1 (upright) where the tag is missing or the
// data is broken: metadata never keeps a photo from being read.
inline int exif_orientation(std::span<const std::byte> exif) {
  using namespace std::string_view_literals;
  if (detail::starts_with(exif, "Exif\0\0"sv)) exif = exif.subspan(6);
  const bool big = detail::starts_with(exif, "MM\0*"sv);
  if (!big && !detail::starts_with(exif, "II*\0"sv)) return 1;
  if (exif.size() < 8) return 1;
  detail::ByteReader r(exif, "EXIF", big);
  r.seek(4, "header");
  const std::uint32_t directory = r.u32("IFD0 offset");
  if (directory > exif.size() || exif.size() - directory < 2) return 1;
  r.seek(directory, "IFD0");
  const std::size_t entries = r.u16("entry count");
  for (std::size_t i = 0; i < entries && r.left() >= 12; ++i) {
    const std::size_t at = r.position();
    const std::uint16_t tag = r.u16("tag"), type = r.u16("type");
    const std::uint32_t count = r.u32("count");
    if (tag == 0x0112) {
      const int value = count == 1 ? detail::orientation_value(r, type) : 0;
      return value ? value : 1;
    }
    r.seek(at + 12, "entry");
  }
  return 1;
}

// The picture (H W C) as it should be seen, for an EXIF orientation of 1..8; 5..8 swap H and W.
inline Tensor<std::uint8_t> upright(const Tensor<std::uint8_t>& image, int orientation) {
  if (orientation < 1 || orientation > 8) fail("upright: orientation ", orientation, ", 1 to 8 are defined");
  if (image.rank() != 3) fail("upright: image of shape ", image.shape(), ", H W C is wanted");
  if (orientation == 1) return image;
  const std::int64_t h = image.size(0), w = image.size(1), c = image.size(2);
  const bool swap = orientation >= 5;
  Tensor<std::uint8_t> out(swap ? Shape{w, h, c} : Shape{h, w, c}, uninitialized);
  // Stored pixel (y, x) -> shown pixel: mirror x for 2 3 7 8, mirror y for 3 4 6 7 (before the transposition of 5..8).
  const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  // Where stored pixel (0, 0) goes, and the steps from there for one more x and one more y, in elements.
  const std::int64_t step_x = (swap ? h : 1) * (mirror_x ? -c : c), step_y = (swap ? 1 : w) * (mirror_y ? -c : c);
  const std::int64_t corner = (mirror_x ? -step_x * (w - 1) : 0) + (mirror_y ? -step_y * (h - 1) : 0);
  std::uint8_t* to = out.mutable_data() + corner;
  constexpr std::int64_t kTile = 32;  // a transposition by tiles stays in the cache
  for (std::int64_t y0 = 0; y0 < h; y0 += kTile)
    for (std::int64_t x0 = 0; x0 < w; x0 += kTile)
      for (std::int64_t y = y0; y < std::min(y0 + kTile, h); ++y)
        for (std::int64_t x = x0; x < std::min(x0 + kTile, w); ++x)
          detail::copy_pixel(image.data() + (y * w + x) * c, c, to + x * step_x + y * step_y);
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
