// Windows and OS/2 bitmaps: 1 to 32 bits a pixel, palettes, bit fields, RLE4 and RLE8, both row orders. Layer image.
// Our own reader: of the 74 sound files of the edge-image collection stb_image 2.27 reads 48. Header layouts:
// https://learn.microsoft.com/windows/win32/gdi/bitmap-storage; alpha is dropped.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/image/byte_reader.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

struct BmpInfo {
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  std::uint32_t compression = 0;        // 0 none, 1 RLE8, 2 RLE4, 3 bit fields
  std::array<std::uint32_t, 3> mask{};  // R G B, 16 and 32 bits
  std::size_t pixels_at = 0;
  std::array<std::array<std::uint8_t, 3>, 256> palette{};  // R G B; entries that the file lacks are black

  std::int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

// Which of (bits, compression) are read; os2: in that header method 3 is Huffman 1D and 4 is RLE24.
inline void check_bmp_form(const BmpInfo& bmp, bool os2, std::string_view name) {
  const int b = bmp.bits;
  const std::uint32_t c = bmp.compression;
  const bool plain = c == 0 && (b == 1 || b == 2 || b == 4 || b == 8 || b == 16 || b == 24 || b == 32);
  const bool fields = !os2 && (c == 3 || c == 6) && (b == 16 || b == 32);
  if (!plain && !fields && !(c == 1 && b == 8) && !(c == 2 && b == 4))
    fail_data({.file = name, .field = "compression"}, "method ", c, " with ", b, " bits a pixel is not read");
  if ((c == 1 || c == 2) && bmp.top_down)
    fail_data({.file = name, .field = "compression"}, "run lengths with rows from the top are not BMP");
}

// The palette, from where the reader stands: `colors` entries (0: all that the bits can name) of B G R, and a fourth
// byte unless the header is the short one.
inline void read_bmp_palette(ByteReader& r, std::uint32_t colors, bool core, BmpInfo& bmp) {
  const std::uint32_t entry = core ? 3 : 4;
  std::uint32_t count = colors == 0 ? 1u << bmp.bits : colors;
  if (count > 256) fail_data({.file = r.name(), .field = "colors"}, count, " palette entries, at most 256 are right");
  if (bmp.pixels_at > r.position())  // some files have room for fewer entries than they claim
    count = static_cast<std::uint32_t>(std::min<std::size_t>(count, (bmp.pixels_at - r.position()) / entry));
  for (std::uint32_t i = 0; i < count; ++i) {
    const Bytes bgr = r.take(entry, "palette");
    for (std::size_t k = 0; k < 3; ++k) bmp.palette[i][k] = std::to_integer<std::uint8_t>(bgr[2 - k]);
  }
}

inline BmpInfo read_bmp_header(ByteReader& r, std::int64_t max_pixels) {
  const std::string_view name = r.name();
  BmpInfo bmp;
  r.take(10, "file header");
  bmp.pixels_at = r.u32("pixel offset");
  const std::uint32_t header = r.u32("header size");
  constexpr std::uint32_t kHeaders[] = {12, 16, 40, 52, 56, 64, 108, 124};
  if (std::ranges::find(kHeaders, header) == std::end(kHeaders))
    fail_data({.file = name, .field = "header size"}, header, " is not a BMP version (12, 40, 52, 56, 64, 108, 124)");
  const bool core = header == 12;
  bmp.width = core ? r.u16("width") : r.i32("width");
  bmp.height = core ? r.u16("height") : r.i32("height");
  bmp.top_down = bmp.height < 0;
  if (bmp.top_down) bmp.height = -bmp.height;
  check_pixels(name, "BMP header", bmp.width, bmp.height, max_pixels);
  const int planes = r.u16("planes");
  if (planes != 1) fail_data({.file = name, .field = "planes"}, planes, ", 1 is right");
  bmp.bits = r.u16("bit count");
  std::uint32_t colors = 0;
  if (header >= 40) {
    bmp.compression = r.u32("compression");
    r.take(12, "resolution");
    colors = r.u32("colors");
    r.take(4, "important colors");
  }
  check_bmp_form(bmp, header == 64, name);
  // Without masks: 5 bits a channel of 16, and 8 of 24 or 32.
  bmp.mask = bmp.bits == 16 ? std::array<std::uint32_t, 3>{0x7c00, 0x3e0, 0x1f}
                            : std::array<std::uint32_t, 3>{0xff0000, 0xff00, 0xff};
  if (bmp.compression == 3 || bmp.compression == 6)
    for (std::uint32_t& m : bmp.mask) m = r.u32("bit masks");  // after a header of 40 bytes, inside a longer one
  if (bmp.bits <= 8) {
    r.seek(14 + std::size_t{header}, "palette");
    read_bmp_palette(r, colors, core, bmp);
  }
  r.seek(bmp.pixels_at, "pixel offset");
  return bmp;
}

// One channel of a 16- or 32-bit pixel, scaled to 0..255 (rounded down, as Pillow does). Masks must be contiguous.
class BmpChannel {
 public:
  BmpChannel(std::uint32_t mask, std::string_view name) : mask_(mask) {
    if (mask == 0) return;
    shift_ = std::countr_zero(mask);
    top_ = mask >> shift_;
    if ((top_ & (top_ + 1ull)) != 0) fail_data({.file = name, .field = "bit masks"}, "a mask with gaps: ", mask);
  }
  std::uint8_t operator()(std::uint32_t pixel) const {
    return mask_ == 0 ? 0 : static_cast<std::uint8_t>(std::uint64_t{(pixel & mask_) >> shift_} * 255 / top_);
  }

 private:
  std::uint32_t mask_;
  int shift_ = 0;
  std::uint32_t top_ = 1;
};

// Palette indices (H W, rows from the bottom) of RLE4 or RLE8 data. What the data skips is index 0.
inline std::vector<std::uint8_t> bmp_run_lengths(ByteReader& r, const BmpInfo& bmp) {
  std::vector<std::uint8_t> index(static_cast<std::size_t>(bmp.width * bmp.height));
  const bool nibbles = bmp.compression == 2;
  std::int64_t x = 0, y = 0;
  const auto put = [&](int value) {
    if (x < bmp.width && y < bmp.height)
      index[static_cast<std::size_t>(y * bmp.width + x)] = static_cast<std::uint8_t>(value);
    ++x;
  };
  while (r.left() >= 2 && y < bmp.height) {
    const int count = r.u8("run"), value = r.u8("run");
    if (count > 0) {
      for (int i = 0; i < count; ++i) put(!nibbles ? value : i % 2 ? value & 15 : value >> 4);
    } else if (value == 0) {
      x = 0, ++y;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      x += r.u8("delta");
      y += r.u8("delta");
    } else {
      const std::size_t bytes = static_cast<std::size_t>(nibbles ? (value + 1) / 2 : value);
      const Bytes data = r.take(bytes, "literal run");
      for (int i = 0; i < value; ++i) {
        const int b = std::to_integer<int>(data[static_cast<std::size_t>(nibbles ? i / 2 : i)]);
        put(!nibbles ? b : i % 2 ? b & 15 : b >> 4);
      }
      if (bytes % 2 && r.left() > 0) r.u8("padding");
    }
  }
  return index;
}

// A stored row of 1 to 8 bits a pixel -> palette indices.
inline void bmp_row_indices(Bytes row, int bits, std::span<std::uint8_t> index) {
  const std::size_t per_byte = static_cast<std::size_t>(8 / bits);
  const unsigned mask = (1u << bits) - 1;
  for (std::size_t x = 0; x < index.size(); ++x) {
    const int shift = 8 - bits - static_cast<int>(x % per_byte) * bits;
    index[x] = static_cast<std::uint8_t>(std::to_integer<unsigned>(row[x / per_byte]) >> shift & mask);
  }
}

// A stored row of 16, 24 or 32 bits a pixel -> RGB.
inline void bmp_row_colors(Bytes row, int bits, const std::array<BmpChannel, 3>& channel, std::span<std::uint8_t> rgb) {
  const std::size_t bytes = static_cast<std::size_t>(bits) / 8;
  for (std::size_t x = 0; x < rgb.size() / 3; ++x) {
    std::uint32_t pixel = 0;
    for (std::size_t k = bytes; k-- > 0;) pixel = pixel << 8 | std::to_integer<std::uint32_t>(row[x * bytes + k]);
    for (std::size_t c = 0; c < 3; ++c) rgb[x * 3 + c] = channel[c](pixel);
  }
}

inline Tensor<std::uint8_t> decode_bmp(Bytes bytes, std::string_view name, std::int64_t max_pixels) {
  ByteReader r(bytes, name, false);
  const BmpInfo bmp = read_bmp_header(r, max_pixels);
  const bool runs = bmp.compression == 1 || bmp.compression == 2;
  if (!runs && static_cast<std::int64_t>(r.left()) < bmp.height * bmp.row_bytes())
    fail_data({.file = name, .field = "pixels", .offset = r.position()}, bmp.width, "x", bmp.height, " needs ",
              bmp.height * bmp.row_bytes(), " bytes, ", r.left(), " are left");
  const std::array<BmpChannel, 3> channel{BmpChannel(bmp.mask[0], name), BmpChannel(bmp.mask[1], name),
                                          BmpChannel(bmp.mask[2], name)};
  const std::size_t width = static_cast<std::size_t>(bmp.width);
  std::vector<std::uint8_t> indices = runs ? bmp_run_lengths(r, bmp) : std::vector<std::uint8_t>(width);
  Tensor<std::uint8_t> out(Shape{bmp.height, bmp.width, 3});
  const std::span<std::uint8_t> pixels = out.mutable_values();
  for (std::int64_t y = 0; y < bmp.height; ++y) {
    const std::int64_t shown = bmp.top_down ? y : bmp.height - 1 - y;
    const auto rgb = pixels.subspan(static_cast<std::size_t>(shown) * width * 3, width * 3);
    const Bytes row = runs ? Bytes{} : r.take(static_cast<std::size_t>(bmp.row_bytes()), "pixels");
    if (bmp.bits > 8) {
      bmp_row_colors(row, bmp.bits, channel, rgb);
      continue;
    }
    const auto index = std::span(indices).subspan(runs ? static_cast<std::size_t>(y) * width : 0, width);
    if (!runs) bmp_row_indices(row, bmp.bits, index);
    for (std::size_t x = 0; x < width; ++x)
      std::ranges::copy(bmp.palette[index[x]], rgb.begin() + static_cast<std::ptrdiff_t>(x * 3));
  }
  return out;
}

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
