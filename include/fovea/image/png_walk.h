// A walk over the chunks of a PNG that checks everything the pixel decoder relies on, before it runs. Layer image.
// PNG specification, third edition: https://www.w3.org/TR/png-3/. Read image/stb.h next, which decodes the pixels.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include <fovea/image/byte_reader.h>
#include <fovea/io/crc32.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

struct PngInfo {
  std::uint32_t width = 0, height = 0;
  int depth = 0, color = 0;  // bits a sample; 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGB + alpha
  bool interlaced = false;
  Bytes palette;            // PLTE: 3 bytes an entry
  Bytes exif;               // eXIf
  std::vector<Bytes> data;  // the IDAT chunks in order, each inside the file

  int channels() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
  std::size_t data_bytes() const {
    std::size_t n = 0;
    for (const Bytes& d : data) n += d.size();
    return n;
  }
};

inline void read_ihdr(Bytes chunk, std::string_view name, std::int64_t max_pixels, PngInfo& png) {
  if (chunk.size() != 13) fail_data({.file = name, .field = "IHDR"}, chunk.size(), " bytes, 13 are right");
  ByteReader r(chunk, name, true);
  png.width = r.u32("width");
  png.height = r.u32("height");
  png.depth = r.u8("bit depth");
  png.color = r.u8("color type");
  const int compression = r.u8("compression"), filter = r.u8("filter"), interlace = r.u8("interlace");
  check_pixels(name, "IHDR", png.width, png.height, max_pixels);
  const int d = png.depth;
  const bool any = d == 1 || d == 2 || d == 4 || d == 8 || d == 16, whole = d == 8 || d == 16;
  const bool legal = png.color == 0   ? any
                     : png.color == 3 ? any && d != 16
                                      : (png.color == 2 || png.color == 4 || png.color == 6) && whole;
  if (!legal) fail_data({.file = name, .field = "IHDR"}, "color type ", png.color, " with ", d, " bits is not PNG");
  if (compression != 0 || filter != 0 || interlace > 1)
    fail_data({.file = name, .field = "IHDR"}, "compression ", compression, ", filter ", filter, ", interlace ",
              interlace, ": PNG defines 0, 0, and 0 or 1");
  png.interlaced = interlace == 1;
}

inline void read_plte(Bytes chunk, std::string_view name, const PngInfo& png) {
  if (chunk.size() % 3 != 0 || chunk.empty() || chunk.size() > 768)
    fail_data({.file = name, .field = "PLTE"}, chunk.size(), " bytes, 1 to 256 entries of 3 bytes are right");
  if (!png.data.empty()) fail_data({.file = name, .field = "PLTE"}, "comes after IDAT");
}

// The chunks of a PNG up to IEND. check_crc compares the checksums of the critical chunks (a fuzzer turns it off, since
// random changes would go no further).
inline PngInfo walk_png(Bytes bytes, std::string_view name, std::int64_t max_pixels, bool check_crc = true) {
  PngInfo png;
  ByteReader r(bytes, name, true);
  r.take(8, "signature");
  for (bool first = true, data_ended = false, end = false; !end; first = false) {
    const std::size_t at = r.position();
    const std::uint32_t length = r.u32("chunk length");
    const Bytes type_bytes = r.take(4, "chunk type");
    const std::string_view type = as_text(type_bytes);
    if (!std::all_of(type.begin(), type.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }))
      fail_data({.file = name, .field = "chunk type", .offset = at + 4}, "not four letters: the file is damaged");
    const Bytes chunk = r.take(length, type);
    const std::uint32_t crc = r.u32("CRC");
    const bool critical = (static_cast<unsigned char>(type[0]) & 0x20) == 0;
    if (check_crc && critical && crc != crc32(chunk, crc32(type_bytes)))
      fail_data({.file = name, .field = type, .offset = at}, "the checksum does not match: the file is damaged");
    if (first != (type == "IHDR"))
      fail_data({.file = name, .field = type, .offset = at}, "IHDR must come first, and once");
    if (type == "IHDR") {
      read_ihdr(chunk, name, max_pixels, png);
    } else if (type == "PLTE") {
      read_plte(chunk, name, png);
      png.palette = chunk;
    } else if (type == "IDAT") {
      if (data_ended) fail_data({.file = name, .field = "IDAT", .offset = at}, "IDAT chunks must follow one another");
      png.data.push_back(chunk);
    } else if (type == "IEND") {
      end = true;
    } else if (type == "eXIf") {
      png.exif = chunk;
    } else if (critical) {
      fail_data({.file = name, .field = "chunk", .offset = at}, "a critical chunk that PNG does not define");
    }
    data_ended = !png.data.empty() && type != "IDAT";
  }
  if (png.data_bytes() == 0) fail_data({.file = name, .field = "IDAT"}, "the file holds no pixels");
  if (png.color == 3 && png.palette.empty()) fail_data({.file = name, .field = "PLTE"}, "the palette is missing");
  return png;
}

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
