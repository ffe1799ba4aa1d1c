// The only place that compiles stb_image: pixels of PNG files that image/png_walk.h has checked. Layer image.
// stb_image 2.27 (Debian 12) asks for memory by what a file claims, so it gets it from a budget of ours.
#pragma once

#if __has_include(<stb/stb_image.h>)
#  define FOVEA_HAVE_STB 1
#else
#  define FOVEA_HAVE_STB 0
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <fovea/core/tensor.h>
#include <fovea/image/png_walk.h>

namespace fovea::inline FOVEA_ABI {
namespace detail::stb {

// What the running decode of this thread may still allocate, in bytes.
inline thread_local std::size_t budget = 0;

inline constexpr std::size_t kHeader = alignof(std::max_align_t);  // holds the block's size

inline void* allocate(std::size_t size) {
  if (size > budget) return nullptr;
  auto* block = static_cast<std::byte*>(std::malloc(size + kHeader));
  if (!block) return nullptr;
  budget -= size;
  std::memcpy(block, &size, sizeof size);
  return block + kHeader;
}
inline std::size_t block_size(void* p) {
  std::size_t size = 0;
  std::memcpy(&size, static_cast<std::byte*>(p) - kHeader, sizeof size);
  return size;
}
inline void release(void* p) {
  if (!p) return;
  budget += block_size(p);
  std::free(static_cast<std::byte*>(p) - kHeader);
}
inline void* reallocate(void* p, std::size_t size) {
  if (!p) return allocate(size);
  void* q = allocate(size);
  if (!q) return nullptr;
  std::memcpy(q, p, std::min(size, block_size(p)));
  release(p);
  return q;
}

}  // namespace detail::stb
}  // namespace fovea::inline FOVEA_ABI

#if FOVEA_HAVE_STB
#  include <assert.h>
#  include <limits.h>
#  include <stdarg.h>
#  include <stddef.h>
#  include <stdint.h>
#  include <stdlib.h>
#  include <string.h>

// In a namespace of ours with internal linkage, so that a program may use stb_image itself, before or after this line.
#  pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#  pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#  pragma push_macro("STB_IMAGE_STATIC")
#  pragma push_macro("STBIDEF")
#  undef STBI_INCLUDE_STB_IMAGE_H
#  undef STB_IMAGE_IMPLEMENTATION
#  undef STB_IMAGE_STATIC
#  undef STBIDEF
#  define STB_IMAGE_IMPLEMENTATION
#  define STB_IMAGE_STATIC
#  define STBI_ONLY_PNG
#  define STBI_NO_STDIO
#  define STBI_NO_LINEAR
#  define STBI_NO_HDR
#  define STBI_NO_SIMD
#  define STBI_MALLOC(size) ::fovea::detail::stb::allocate(size)
#  define STBI_REALLOC(p, size) ::fovea::detail::stb::reallocate(p, size)
#  define STBI_FREE(p) ::fovea::detail::stb::release(p)
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wunused-function"
#  pragma GCC diagnostic ignored "-Wunused-parameter"
#  pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#  pragma GCC diagnostic ignored "-Wsign-compare"
#  pragma GCC diagnostic ignored "-Wshadow"
#  pragma GCC diagnostic ignored "-Wconversion"
#  pragma GCC diagnostic ignored "-Wpedantic"
namespace fovea::inline FOVEA_ABI {
namespace detail::stb {
using ::abs;  // the C library's, and not the op of that name
#  include <stb/stb_image.h>
}  // namespace detail::stb
}  // namespace fovea::inline FOVEA_ABI
#  pragma GCC diagnostic pop
#  undef STBI_ONLY_PNG
#  undef STBI_NO_JPEG
#  undef STBI_NO_BMP
#  undef STBI_NO_PSD
#  undef STBI_NO_TGA
#  undef STBI_NO_GIF
#  undef STBI_NO_HDR
#  undef STBI_NO_PIC
#  undef STBI_NO_PNM
#  undef STBI_NO_STDIO
#  undef STBI_NO_LINEAR
#  undef STBI_NO_SIMD
#  undef STBI_MALLOC
#  undef STBI_REALLOC
#  undef STBI_REALLOC_SIZED
#  undef STBI_FREE
#  undef STBI_ASSERT
#  undef STBI_SIMD_ALIGN
#  undef stbi__err
#  undef stbi__errpf
#  undef stbi__errpuc
#  undef stbi__vertically_flip_on_load
#  pragma pop_macro("STBIDEF")
#  pragma pop_macro("STB_IMAGE_STATIC")
#  pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#  pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#endif  // FOVEA_HAVE_STB

namespace fovea::inline FOVEA_ABI {
namespace detail {

#if FOVEA_HAVE_STB
// A PNG of the checked parts alone: IHDR, a palette of 256 entries (stb leaves the missing ones uninitialised; they are
// black here), one IDAT, IEND. tRNS is left out: alpha is dropped, as Pillow's convert("RGB") does. stb reads no CRC.
inline std::string plain_png(const PngInfo& png) {
  std::string out;
  const std::size_t data = png.data_bytes();
  out.reserve(data + 1024);
  const auto u32 = [&](std::size_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift);
  };
  out += "\x89PNG\r\n\x1a\n";
  u32(13), out += "IHDR", u32(png.width), u32(png.height);
  for (const int v : {png.depth, png.color, 0, 0, png.interlaced ? 1 : 0}) out += static_cast<char>(v);
  u32(0);
  if (png.color == 3) {
    u32(768), out += "PLTE", out += as_text(png.palette);
    out.append(768 - png.palette.size(), '\0');
    u32(0);
  }
  u32(data), out += "IDAT";
  for (const Bytes& d : png.data) out += as_text(d);
  u32(0);
  u32(0), out += "IEND", u32(0);
  return out;
}

// What stb needs at most for a sound file: the inflated rows and the picture, for interlaced ones also the passes and a
// doubled inflate buffer (its first guess is too small there); and 16 MB to spare. 8 bytes a pixel in all usual forms.
inline std::size_t png_budget(const PngInfo& png) {
  const std::size_t sample = png.depth == 16 ? 2 : 1, bytes = static_cast<std::size_t>(png.channels()) * sample;
  const std::size_t per_pixel = std::max<std::size_t>(8, (png.interlaced ? 4 : 2) * bytes);
  return std::size_t{png.width} * png.height * per_pixel + png.data_bytes() + (std::size_t{16} << 20);
}

// The pixels (H W 3) of a PNG; 16-bit samples keep their high byte.
inline Tensor<std::uint8_t> decode_png_pixels(const PngInfo& png, std::string_view name) {
  if (png.data_bytes() > (std::size_t{1} << 30))
    fail_data({.file = name, .field = "IDAT"}, png.data_bytes(), " bytes of pixel data, at most 2^30 are read");
  const std::string file = plain_png(png);
  stb::budget = png_budget(png);
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(
      stb::stbi_load_from_memory(reinterpret_cast<const unsigned char*>(file.data()), static_cast<int>(file.size()),
                                 &width, &height, &channels, 3),
      stb::release);
  if (!pixels) fail_data({.file = name, .field = "IDAT"}, "the pixels do not decode: ", stb::stbi_failure_reason());
  const std::size_t n = std::size_t{png.width} * png.height * 3;
  return Tensor<std::uint8_t>({height, width, 3}, std::span<const std::uint8_t>(pixels.get(), n));
}
#else
inline Tensor<std::uint8_t> decode_png_pixels(const PngInfo&, std::string_view name) {
  fail_as(Code::unavailable, name, ": PNG needs stb_image, which was not there when this program was built ",
          "(Debian and Ubuntu: apt install libstb-dev)");
}
#endif

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
