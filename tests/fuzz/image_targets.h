// Fuzz targets of the image readers: any bytes give a picture within the limit, or fovea::Error; nothing else.
#pragma once

#include <cstdlib>

#include <fovea/image/decode.h>

namespace fovea::fuzz {

inline constexpr std::int64_t kMaxPixels = 1 << 18;  // keeps an execution short

inline void check(bool promise) {
  if (!promise) std::abort();
}

// Calls f, which returns pixels; an Error with a message is an answer too.
template <class F>
void picture_or_error(F&& f) {
  try {
    const Tensor<std::uint8_t> image = f();
    check(image.rank() == 3 && image.size(2) == 3 && image.numel() > 0 && image.numel() <= 3 * kMaxPixels);
  } catch (const Error& e) {
    check(e.what()[0] != '\0' && e.code() != Code::internal);
  }
}

inline void fuzz_jpeg(std::span<const std::byte> bytes) {
  picture_or_error([&] {
    const detail::JpegInfo info = detail::walk_jpeg(bytes, "fuzz", kMaxPixels);
    return detail::decode_jpeg_pixels(bytes, "fuzz", info);
  });
}

inline void fuzz_png(std::span<const std::byte> bytes) {
  picture_or_error([&] {
    const detail::PngInfo info = detail::walk_png(bytes, "fuzz", kMaxPixels, /*check_crc=*/false);
    return detail::decode_png_pixels(info, "fuzz");
  });
}

inline void fuzz_bmp(std::span<const std::byte> bytes) {
  picture_or_error([&] { return detail::decode_bmp(bytes, "fuzz", kMaxPixels); });
}

inline void fuzz_pnm(std::span<const std::byte> bytes) {
  if (image_signature(bytes).format != ImageFormat::pnm) return;
  picture_or_error([&] { return detail::PnmDecoder(bytes, "fuzz", kMaxPixels).pixels(); });
}

inline void fuzz_exif(std::span<const std::byte> bytes) {
  const int orientation = exif_orientation(bytes);
  check(orientation >= 1 && orientation <= 8);
}

// The way that a file takes: signature, walk, pixels, orientation.
inline void fuzz_decode(std::span<const std::byte> bytes) {
  picture_or_error([&] { return decode_image(bytes, "fuzz", {.max_pixels = kMaxPixels}).pixels; });
}

}  // namespace fovea::fuzz
