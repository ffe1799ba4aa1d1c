// A photo's bytes or file in, upright 8-bit RGB pixels out: JPEG, PNG, BMP and PNM, told apart by content. Layer image.
//
//   Decoded photo = load_image("cat.jpg");     // photo.pixels: H W 3
//
// Grey becomes RGB, palettes are looked up, alpha is dropped (not blended), 16-bit samples keep their high byte, CMYK
// is converted, EXIF orientation is applied: the pixels of Pillow's exif_transpose(im).convert("RGB").
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <fovea/image/bmp.h>
#include <fovea/image/exif.h>
#include <fovea/image/pnm.h>
#include <fovea/image/signature.h>
#include <fovea/image/stb.h>
#include <fovea/image/turbojpeg.h>

namespace fovea::inline FOVEA_ABI {

struct DecodeOptions {
  std::int64_t max_pixels = 89'000'000;  // width * height above it is refused before anything is allocated
};

// H W 3, RGB.
using Image = Tensor<std::uint8_t>;

struct Decoded {
  Tensor<std::uint8_t> pixels;  // H W 3, upright
  std::string format;           // "JPEG", "PNG", "BMP" or "PNM"
  int orientation = 1;          // 1..8 as the file says; already applied
};

inline namespace FOVEA_IMAGE_ABI {

// Decodes an image file held in memory; `name` is for messages only. Errors: Code::bad_data (malformed, not an image, a
// format that fovea does not read, too many pixels), Code::unavailable (built without the decoder).
inline Decoded decode_image(std::span<const std::byte> bytes, std::string_view name, DecodeOptions options = {}) {
  const Signature signature = image_signature(bytes);
  Decoded d{.pixels = {}, .format = std::string(signature.name), .orientation = 1};
  switch (signature.format) {
    case ImageFormat::png: {
      const detail::PngInfo png = detail::walk_png(bytes, name, options.max_pixels);
      d.orientation = exif_orientation(png.exif);
      d.pixels = detail::decode_png_pixels(png, name);
      break;
    }
    case ImageFormat::jpeg: {
      const detail::JpegInfo jpeg = detail::walk_jpeg(bytes, name, options.max_pixels);
      d.orientation = exif_orientation(jpeg.exif);
      d.pixels = detail::decode_jpeg_pixels(bytes, name, jpeg);
      break;
    }
    case ImageFormat::bmp:
      d.pixels = detail::decode_bmp(bytes, name, options.max_pixels);
      break;
    case ImageFormat::pnm:
      d.pixels = detail::PnmDecoder(bytes, name, options.max_pixels).pixels();
      break;
    case ImageFormat::unsupported:
      fail_data({.file = name}, "this is ", signature.name, ", which is not read; convert it to JPEG, PNG, BMP or PNM");
    case ImageFormat::unknown:
      fail_data({.file = name}, bytes.empty() ? "the file is empty" : "not an image: JPEG, PNG, BMP and PNM are read");
  }
  d.pixels = upright(d.pixels, d.orientation);
  return d;
}

// The same for a file. Errors also: Code::not_found, Code::io.
inline Decoded load_image(const std::filesystem::path& path, DecodeOptions options = {}) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) fail_as(Code::not_found, path.string(), ": no such file");
  if (!std::filesystem::is_regular_file(status)) fail_as(Code::io, path.string(), ": not a regular file");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
  if (size < 0) fail_as(Code::io, path.string(), ": cannot be opened for reading");
  constexpr std::streamoff kMostBytes = std::streamoff{1} << 30;
  if (size > kMostBytes)
    fail_as(Code::bad_data, path.string(), ": ", size, " bytes, at most ", kMostBytes, " are read");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  in.seekg(0);
  if (size > 0 && !in.read(reinterpret_cast<char*>(bytes.data()), size))
    fail_as(Code::io, path.string(), ": reading ", size, " bytes failed");
  return decode_image(bytes, path.string(), options);
}

}  // namespace FOVEA_IMAGE_ABI
}  // namespace fovea::inline FOVEA_ABI
