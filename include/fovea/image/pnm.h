// The Netpbm formats P1 to P6: plain and raw, bits, grey and colour, up to 16 bits a sample. Layer image.
// http://netpbm.sourceforge.net/doc/pnm.html; scaling as Pillow does it, so that stored hashes agree.
#pragma once

#include <cmath>

#include <fovea/core/tensor.h>
#include <fovea/image/byte_reader.h>

namespace fovea::inline FOVEA_ABI {
namespace detail {

class PnmDecoder {
 public:
  PnmDecoder(Bytes bytes, std::string_view name, std::int64_t max_pixels) : r_(bytes, name, true), name_(name) {
    kind_ = std::to_integer<int>(r_.take(2, "magic")[1]) - '0';  // '1'..'6', checked by image_signature
    width_ = number("width");
    height_ = number("height");
    check_pixels(name, "PNM", width_, height_, max_pixels);
    if (!bits()) maxval_ = number("maxval");
    if (maxval_ < 1 || maxval_ > 65535) fail_data({.file = name, .field = "maxval"}, maxval_, ", 1 to 65535 are right");
    if (!plain()) blank();
    const std::int64_t least = plain() ? (samples() + (bits() ? 0 : samples() - 1)) : height_ * row_bytes();
    if (static_cast<std::int64_t>(r_.left()) < least)
      fail_data({.file = name, .field = "pixels", .offset = r_.position()}, width_, "x", height_, " needs ", least,
                " bytes, ", r_.left(), " are left");
  }

  Tensor<std::uint8_t> pixels() {
    Tensor<std::uint8_t> out({height_, width_, 3}, uninitialized);
    std::uint8_t* to = out.mutable_data();
    for (std::int64_t y = 0; y < height_; ++y) {
      const Bytes row = plain() ? Bytes{} : r_.take(static_cast<std::size_t>(row_bytes()), "pixels");
      for (std::int64_t x = 0; x < width_; ++x, to += 3)
        for (int c = 0; c < 3; ++c) to[c] = c < channels() ? level(sample(row, x * channels() + c)) : to[0];
    }
    return out;
  }

 private:
  bool plain() const { return kind_ <= 3; }
  bool bits() const { return kind_ == 1 || kind_ == 4; }
  int channels() const { return kind_ == 3 || kind_ == 6 ? 3 : 1; }
  std::int64_t samples() const { return width_ * height_ * channels(); }
  std::int64_t row_bytes() const { return bits() ? (width_ + 7) / 8 : width_ * channels() * (maxval_ > 255 ? 2 : 1); }

  static bool is_blank(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static bool is_digit(int c) { return c >= '0' && c <= '9'; }
  int peek() const { return r_.left() ? std::to_integer<int>(r_.all()[r_.position()]) : -1; }

  // One blank, which ends the header of the raw forms.
  void blank() {
    const std::size_t at = r_.position();
    if (!is_blank(r_.u8("header")))
      fail_data({.file = name_, .field = "header", .offset = at}, "a blank is right after the last number");
  }
  // Blanks and comments (# to the end of the line).
  void skip_blanks() {
    while (is_blank(peek()) || peek() == '#') {
      if (r_.u8("header") != '#') continue;
      while (peek() != '\n' && peek() != '\r' && peek() != -1) r_.u8("comment");
    }
  }
  std::int64_t number(std::string_view field) {
    skip_blanks();
    const std::size_t at = r_.position();
    if (!is_digit(peek())) fail_data({.file = name_, .field = field, .offset = at}, "a decimal number is wanted");
    std::int64_t value = 0;
    while (is_digit(peek())) {
      value = value * 10 + (r_.u8(field) - '0');
      if (value > 0x7fffffff) fail_data({.file = name_, .field = field, .offset = at}, "the number is too large");
    }
    return value;
  }

  // Sample i of a raw row, or the next one of a plain file. P1 needs no blanks between its digits.
  std::int64_t sample(Bytes row, std::int64_t i) {
    if (plain()) {
      if (!bits()) return in_range(number("sample"));
      skip_blanks();
      const std::size_t at = r_.position();
      const int digit = r_.u8("sample");
      if (digit != '0' && digit != '1') fail_data({.file = name_, .field = "sample", .offset = at}, "0 or 1 is wanted");
      return '1' - digit;  // 1 is black
    }
    const auto byte = [&](std::int64_t k) { return std::to_integer<int>(row[static_cast<std::size_t>(k)]); };
    if (bits()) return 1 - (byte(i / 8) >> (7 - i % 8) & 1);
    return maxval_ > 255 ? byte(2 * i) << 8 | byte(2 * i + 1) : byte(i);
  }
  std::int64_t in_range(std::int64_t value) const {
    if (value > maxval_)
      fail_data({.file = name_, .field = "sample", .offset = r_.position()}, value, " is above maxval ", maxval_);
    return value;
  }

  // 0..maxval -> 0..255. Pillow reads 16-bit grey as 0..65535 (round half to even), of which the high byte is kept;
  // everything else is scaled to 255 at once.
  std::uint8_t level(std::int64_t value) const {
    const bool wide_grey = maxval_ > 255 && channels() == 1;
    const double top = wide_grey ? 65535.0 : 255.0;
    const double scaled =
        std::min(top, std::nearbyint(static_cast<double>(value) / static_cast<double>(maxval_) * top));
    return static_cast<std::uint8_t>(wide_grey ? static_cast<int>(scaled) >> 8 : static_cast<int>(scaled));
  }

  ByteReader r_;
  std::string_view name_;
  int kind_ = 0;
  std::int64_t width_ = 0, height_ = 0, maxval_ = 1;
};

}  // namespace detail
}  // namespace fovea::inline FOVEA_ABI
