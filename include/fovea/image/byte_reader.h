// ByteReader: a cursor over untrusted bytes. Every read checks what is left and fails with file, field and offset.
// Layer image; used by the walks over PNG chunks, JPEG segments, EXIF, BMP and PNM headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <fovea/core/bytes.h>
#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

class ByteReader {
 public:
  ByteReader(Bytes bytes, std::string_view name, bool big_endian)
      : bytes_(bytes), name_(name), big_endian_(big_endian) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  std::string_view name() const { return name_; }
  Bytes all() const { return bytes_; }

  // The next n bytes; `field` names what they hold.
  Bytes take(std::size_t n, std::string_view field) {
    if (n > left())
      fail_data({.file = name_, .field = field, .offset = position_}, n, " bytes are wanted, ", left(),
                " are left: the file is cut short or the length is wrong");
    position_ += n;
    return bytes_.subspan(position_ - n, n);
  }
  // Moves to an absolute offset.
  void seek(std::size_t offset, std::string_view field) {
    if (offset > bytes_.size())
      fail_data({.file = name_, .field = field}, "offset ", offset, " is past the file's ", bytes_.size(), " bytes");
    position_ = offset;
  }

  std::uint8_t u8(std::string_view field) { return std::to_integer<std::uint8_t>(take(1, field)[0]); }
  std::uint16_t u16(std::string_view field) { return static_cast<std::uint16_t>(integer(2, field)); }
  std::uint32_t u32(std::string_view field) { return integer(4, field); }
  std::int32_t i32(std::string_view field) { return static_cast<std::int32_t>(integer(4, field)); }

 private:
  std::uint32_t integer(int bytes, std::string_view field) {
    const Bytes b = take(static_cast<std::size_t>(bytes), field);
    std::uint32_t v = 0;
    for (int i = 0; i < bytes; ++i) {
      const int k = big_endian_ ? i : bytes - 1 - i;
      v = v << 8 | std::to_integer<std::uint32_t>(b[static_cast<std::size_t>(k)]);
    }
    return v;
  }

  Bytes bytes_;
  std::string_view name_;
  std::size_t position_ = 0;
  bool big_endian_;
};

// The decoders' common limit: refuses sizes of zero and pictures of more than max_pixels before anything is allocated.
inline void check_pixels(std::string_view name, std::string_view field, std::int64_t width, std::int64_t height,
                         std::int64_t max_pixels) {
  if (width <= 0 || height <= 0) fail_data({.file = name, .field = field}, "size ", width, "x", height, " is empty");
  if (width > max_pixels / height)
    fail_data({.file = name, .field = field}, "size ", width, "x", height, " is above the limit of ", max_pixels,
              " pixels (DecodeOptions::max_pixels)");
}

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
