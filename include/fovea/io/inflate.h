// Inflate: decompression of a raw deflate stream (RFC 1951) whose size is known. Layer io; zip.h is its user. Simple
// rather than fast (a code is read bit by bit): PyTorch stores, only a zip that another program rewrote is deflated.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

class Inflater {
 public:
  Inflater(std::span<const std::byte> in, std::span<std::byte> out, const Where& where)
      : in_(in), out_(out), where_(where) {}

  // Fills `out` exactly; anything else is an error.
  void run() {
    for (bool last = false; !last;) {
      last = bits(1) == 1;
      switch (bits(2)) {
        case 0:
          stored();
          break;
        case 1:
          fixed();
          break;
        case 2:
          dynamic();
          break;
        default:
          error("an unknown block type");
      }
    }
    if (used_ != out_.size()) error("fewer bytes than announced");
  }

 private:
  // A canonical Huffman code: how many codes there are of each length, and the symbols ordered by code.
  struct Code {
    std::array<std::uint16_t, 16> count{};
    std::array<std::uint16_t, 288> symbol{};
  };

  template <class... Parts>
  [[noreturn]] void error(const Parts&... parts) const {
    fail_data(where_, "deflate stream: ", parts...);
  }

  std::uint32_t bits(int n) {
    while (held_bits_ < n) {
      if (at_ == in_.size()) error("it ends too early");
      held_ |= std::to_integer<std::uint32_t>(in_[at_++]) << held_bits_;
      held_bits_ += 8;
    }
    const std::uint32_t value = held_ & ((1u << n) - 1);
    held_ >>= n;
    held_bits_ -= n;
    return value;
  }

  Code make_code(std::span<const std::uint8_t> lengths) const {
    Code code;
    for (const std::uint8_t n : lengths) ++code.count[n];
    code.count[0] = 0;
    int left = 1;
    for (std::size_t n = 1; n < 16; ++n) {
      left = 2 * left - code.count[n];
      if (left < 0) error("a code with too many words");
    }
    std::array<std::uint16_t, 16> next{};
    for (std::size_t n = 1; n < 15; ++n) next[n + 1] = static_cast<std::uint16_t>(next[n] + code.count[n]);
    for (std::size_t s = 0; s < lengths.size(); ++s)
      if (lengths[s] != 0) code.symbol[next[lengths[s]]++] = static_cast<std::uint16_t>(s);
    return code;
  }

  std::uint32_t decode(const Code& code) {
    int word = 0, first = 0, index = 0;
    for (std::size_t n = 1; n < 16; ++n) {
      word |= static_cast<int>(bits(1));
      const int count = code.count[n];
      if (word - first < count) return code.symbol[static_cast<std::size_t>(index + word - first)];
      index += count;
      first = 2 * (first + count);
      word *= 2;
    }
    error("a word that is not in its code");
  }

  void room(std::size_t n) const {
    if (n > out_.size() - used_) error("more bytes than announced");
  }

  void stored() {
    held_ = 0;
    held_bits_ = 0;
    if (in_.size() - at_ < 4) error("it ends too early");
    const std::uint32_t n = bits(16), complement = bits(16);
    if ((n ^ complement) != 0xffff) error("the length of a stored block is damaged");
    if (n > in_.size() - at_) error("it ends too early");
    room(n);
    if (n > 0) std::memcpy(out_.data() + used_, in_.data() + at_, n);
    at_ += n;
    used_ += n;
  }

  void fixed() {
    std::array<std::uint8_t, 288> lengths{};
    for (std::size_t s = 0; s < 288; ++s) lengths[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
    std::array<std::uint8_t, 30> distances{};
    distances.fill(5);
    compressed(make_code(lengths), make_code(distances));
  }

  void dynamic() {
    const std::size_t literals = bits(5) + 257, distances = bits(5) + 1, words = bits(4) + 4;
    if (literals > 286 || distances > 30) error("too many symbols in a block's code");
    constexpr std::uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 19> word_lengths{};
    for (std::size_t i = 0; i < words; ++i) word_lengths[order[i]] = static_cast<std::uint8_t>(bits(3));
    const Code lengths_code = make_code(word_lengths);
    std::array<std::uint8_t, 286 + 30> lengths{};
    for (std::size_t i = 0; i < literals + distances;) {
      const std::uint32_t s = decode(lengths_code);
      if (s < 16) {
        lengths[i++] = static_cast<std::uint8_t>(s);
        continue;
      }
      if (s == 16 && i == 0) error("a length that repeats nothing");
      const std::uint8_t value = s == 16 ? lengths[i - 1] : 0;
      const std::size_t n = s == 16 ? 3 + bits(2) : s == 17 ? 3 + bits(3) : 11 + bits(7);
      if (n > literals + distances - i) error("too many lengths in a block's code");
      std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), n, value);
      i += n;
    }
    if (lengths[256] == 0) error("a block without end");
    const std::span all(lengths);
    compressed(make_code(all.first(literals)), make_code(all.subspan(literals, distances)));
  }

  void compressed(const Code& literals, const Code& distances) {
    // Section 3.2.5: base and extra bits of the length symbols 257.. and of the distance symbols.
    constexpr std::uint16_t length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                               31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    constexpr std::uint8_t length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                              2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    for (;;) {
      const std::uint32_t s = decode(literals);
      if (s == 256) return;
      if (s < 256) {
        room(1);
        out_[used_++] = static_cast<std::byte>(s);
        continue;
      }
      if (s > 285) error("an unknown length symbol");
      const std::size_t n = length_base[s - 257] + bits(length_bits[s - 257]);
      const std::uint32_t d = decode(distances);
      const int extra = d < 2 ? 0 : static_cast<int>(d / 2 - 1);
      const std::size_t base = d < 2 ? d + 1 : 1 + ((2 + (d & 1)) << extra);
      const std::size_t distance = base + bits(extra);
      if (distance > used_) error("a distance past the start");
      room(n);
      for (std::size_t i = 0; i < n; ++i, ++used_) out_[used_] = out_[used_ - distance];
    }
  }

  std::span<const std::byte> in_;
  std::span<std::byte> out_;
  Where where_;
  std::size_t at_ = 0, used_ = 0;
  std::uint32_t held_ = 0;  // bits read but not used yet
  int held_bits_ = 0;
};

}  // namespace detail

// Decompresses `in` into the whole of `out`. Bad data names `where`.
inline void inflate(std::span<const std::byte> in, std::span<std::byte> out, const Where& where = {}) {
  detail::Inflater(in, out, where).run();
}

}  // namespace fovea::inline FOVEA_ABI
