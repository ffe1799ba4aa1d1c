// The pixels of a JPEG through libjpeg-turbo; the only place that includes <turbojpeg.h>. Layer image.
// Without FOVEA_TURBOJPEG (fovea::image sets it where the library is found) a JPEG is an error that names the package.
#pragma once

#include <memory>

#include <fovea/core/tensor.h>
#include <fovea/image/jpeg_walk.h>

#if defined(FOVEA_TURBOJPEG)
#  include <turbojpeg.h>
// Whatever depends on the option is in an inline namespace of its own, so that translation units with and without it
// can be linked, and each does what it was compiled for.
#  define FOVEA_IMAGE_ABI with_turbojpeg
#else
#  define FOVEA_IMAGE_ABI without_turbojpeg
#endif

namespace fovea::inline FOVEA_ABI {
namespace detail {
inline namespace FOVEA_IMAGE_ABI {

#if defined(FOVEA_TURBOJPEG)

// CMYK as Adobe stores it (inverted) -> RGB, in the integer arithmetic of Pillow's convert("RGB").
inline void inverted_cmyk_to_rgb(const std::uint8_t* in, std::int64_t pixels, std::uint8_t* out) {
  for (std::int64_t i = 0; i < pixels; ++i, in += 4, out += 3) {
    const int white = in[3];  // 255 - K
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - in[c]) * white + 128;
      out[c] = static_cast<std::uint8_t>(white - ((product + (product >> 8)) >> 8));
    }
  }
}

// One decompression into width * height * channels bytes. A warning (a file cut short, bad data in a scan) with a
// picture is a picture.
inline void decompress(tjhandle turbo, Bytes bytes, std::string_view name, int format, std::uint8_t* out) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  // LIMITSCANS: at most 500 scans, whatever their size; what they cost together is bounded by walk_jpeg.
  const int rc = tjDecompress2(turbo, data, bytes.size(), out, 0, 0, 0, format, TJFLAG_LIMITSCANS);
  if (rc != 0 && tjGetErrorCode(turbo) != TJERR_WARNING)
    fail_data({.file = name, .field = "JPEG"}, "libjpeg-turbo: ", tjGetErrorStr2(turbo));
}

inline Tensor<std::uint8_t> decode_jpeg_pixels(Bytes bytes, std::string_view name, const JpegInfo& info) {
  const std::unique_ptr<void, int (*)(void*)> turbo(tjInitDecompress(), tjDestroy);
  if (!turbo) fail_as(Code::out_of_memory, name, ": libjpeg-turbo does not start: ", tjGetErrorStr2(nullptr));
  int width = 0, height = 0, subsampling = 0, color = -1;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  // An error of the header call is not fatal if it found the sizes: unusual chroma samplings end here and decode well.
  const int rc = tjDecompressHeader3(turbo.get(), data, bytes.size(), &width, &height, &subsampling, &color);
  if (rc != 0 && (width <= 0 || height <= 0))
    fail_data({.file = name, .field = "JPEG"}, "libjpeg-turbo: ", tjGetErrorStr2(turbo.get()));
  if (width != info.width || height != info.height)
    fail_data({.file = name, .field = "SOF"}, "sizes ", info.width, "x", info.height, " and ", width, "x", height,
              " in one file");
  Tensor<std::uint8_t> rgb(Shape{height, width, 3});
  if (info.components < 4) {
    decompress(turbo.get(), bytes, name, TJPF_RGB, rgb.mutable_data());
    return rgb;
  }
  Tensor<std::uint8_t> cmyk(Shape{height, width, 4});
  decompress(turbo.get(), bytes, name, TJPF_CMYK, cmyk.mutable_data());
  inverted_cmyk_to_rgb(cmyk.data(), std::int64_t{height} * width, rgb.mutable_data());
  return rgb;
}

#else

inline Tensor<std::uint8_t> decode_jpeg_pixels(Bytes, std::string_view name, const JpegInfo&) {
  fail_as(Code::unavailable, name, ": JPEG needs libjpeg-turbo, which this program was built without ",
          "(Debian and Ubuntu: apt install libturbojpeg0-dev, then build with FOVEA_TURBOJPEG and -lturbojpeg)");
}

#endif

}  // namespace FOVEA_IMAGE_ABI
}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
