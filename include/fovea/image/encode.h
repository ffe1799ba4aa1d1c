// Writing pictures: PNG through stb_image_write, of which this is the only user. Layer image.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/io/atomic_file.h>

#if __has_include(<stb/stb_image_write.h>)
#  define FOVEA_HAVE_STB_WRITE 1
#else
#  define FOVEA_HAVE_STB_WRITE 0
#endif

#if FOVEA_HAVE_STB_WRITE
#  include <assert.h>
#  include <math.h>
#  include <stdarg.h>
#  include <stdlib.h>
#  include <string.h>

// In a namespace of ours with internal linkage, so that a program may use stb_image_write itself.
#  pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#  pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#  pragma push_macro("STB_IMAGE_WRITE_STATIC")
#  pragma push_macro("STBIWDEF")
#  undef INCLUDE_STB_IMAGE_WRITE_H
#  undef STB_IMAGE_WRITE_IMPLEMENTATION
#  undef STB_IMAGE_WRITE_STATIC
#  undef STBIWDEF
#  define STB_IMAGE_WRITE_IMPLEMENTATION
#  define STB_IMAGE_WRITE_STATIC
#  define STBI_WRITE_NO_STDIO
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wunused-function"
#  pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#  pragma GCC diagnostic ignored "-Wsign-compare"
#  pragma GCC diagnostic ignored "-Wshadow"
#  pragma GCC diagnostic ignored "-Wconversion"
#  pragma GCC diagnostic ignored "-Wpedantic"
namespace fovea::inline FOVEA_ABI {
namespace detail::stb_write {
using ::abs;  // the C library's, and not the op of that name
#  include <stb/stb_image_write.h>
}  // namespace detail::stb_write
}  // namespace fovea::inline FOVEA_ABI
#  pragma GCC diagnostic pop
#  undef STBI_WRITE_NO_STDIO
#  undef STBIW_MALLOC
#  undef STBIW_REALLOC
#  undef STBIW_REALLOC_SIZED
#  undef STBIW_FREE
#  undef STBIW_MEMMOVE
#  undef STBIW_ASSERT
#  pragma pop_macro("STBIWDEF")
#  pragma pop_macro("STB_IMAGE_WRITE_STATIC")
#  pragma pop_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#  pragma pop_macro("INCLUDE_STB_IMAGE_WRITE_H")
#endif  // FOVEA_HAVE_STB_WRITE

namespace fovea::inline FOVEA_ABI {

// The bytes of a PNG file. image: H W C, C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); at most 2^29 bytes.
inline std::vector<std::byte> encode_png(const Tensor<std::uint8_t>& image) {
  if (image.rank() != 3 || image.numel() == 0 || image.size(2) > 4)
    fail("encode_png: image of shape ", image.shape(), ", H W C with C of 1 to 4 is wanted");
  if (image.numel() > (1 << 29)) fail("encode_png: ", image.shape(), " is too large, at most 2^29 bytes are written");
#if FOVEA_HAVE_STB_WRITE
  const int h = static_cast<int>(image.size(0)), w = static_cast<int>(image.size(1)),
            c = static_cast<int>(image.size(2));
  int length = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> png(
      detail::stb_write::stbi_write_png_to_mem(image.data(), w * c, w, h, c, &length), std::free);
  if (!png) fail_as(Code::out_of_memory, "encode_png: no memory for ", image.shape());
  const auto* bytes = reinterpret_cast<const std::byte*>(png.get());
  return {bytes, bytes + length};
#else
  fail_as(Code::unavailable,
          "encode_png: writing PNG needs stb_image_write, which was not there when this program was ",
          "built (Debian and Ubuntu: apt install libstb-dev)");
#endif
}

// Writes a PNG file; it appears whole or not at all.
inline void save_png(const std::filesystem::path& path, const Tensor<std::uint8_t>& image) {
  const std::vector<std::byte> png = encode_png(image);
  AtomicFile file(path);
  file.write(png);
  file.commit();
}

}  // namespace fovea::inline FOVEA_ABI
