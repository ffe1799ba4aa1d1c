// CRC-32 as zip and PNG use it (reflected polynomial 0xedb88320), eight bytes a step. Layer io.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

// Table k advances the remainder of one byte past k further bytes of zeros (Kounavis and Berry 2008, "slicing by 8").
constexpr CrcTables make_crc_tables() {
  CrcTables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0xedb88320u : 0u);
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 255];
  return t;
}
inline constexpr CrcTables kCrcTables = make_crc_tables();

}  // namespace detail

// CRC-32 of `bytes`, or of the bytes so far with `crc` = the value until then.
inline std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
  static_assert(std::endian::native == std::endian::little);
  const auto& t = detail::kCrcTables;
  std::uint32_t c = ~crc;
  while (bytes.size() >= 8) {
    std::uint32_t a = 0, b = 0;
    std::memcpy(&a, bytes.data(), 4);
    std::memcpy(&b, bytes.data() + 4, 4);
    a ^= c;
    c = t[7][a & 255] ^ t[6][(a >> 8) & 255] ^ t[5][(a >> 16) & 255] ^ t[4][a >> 24] ^ t[3][b & 255] ^
        t[2][(b >> 8) & 255] ^ t[1][(b >> 16) & 255] ^ t[0][b >> 24];
    bytes = bytes.subspan(8);
  }
  for (const std::byte b : bytes) c = (c >> 8) ^ t[0][(c ^ std::to_integer<std::uint32_t>(b)) & 255];
  return ~c;
}

}  // namespace fovea::inline FOVEA_ABI
