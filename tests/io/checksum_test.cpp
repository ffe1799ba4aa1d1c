#include <fovea/io/crc32.h>
#include <fovea/io/inflate.h>
#include <fovea/io/sha256.h>
#include <support/catch.h>
#include <support/support.h>


namespace fovea::test {
namespace {
std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s)); }

// What deflated_text() holds.
std::string plain_text() {
  std::string s;
  for (int i = 0; i < 2000; ++i) s += static_cast<char>(i * i / 8 % 11 + 'a');
  return s;
}
// zlib's raw deflate of it at level 9: one dynamic block.
std::vector<std::uint8_t> deflated_text() {
  return {0xed, 0xca, 0xb1, 0x11, 0x00, 0x31, 0x0c, 0x02, 0xb0, 0x59, 0xc1, 0xf6, 0xe3, 0x1c, 0xfb, 0xf7, 0xb9,
          0x6c, 0xf1, 0x05, 0xaa, 0x05, 0x80, 0xd5, 0xa3, 0x63, 0xce, 0xba, 0xe4, 0x5e, 0x0a, 0x1f, 0xc4, 0x6d,
          0xab, 0xbc, 0x43, 0x1f, 0x4d, 0x17, 0xf1, 0xe4, 0xe6, 0xe6, 0xe6, 0xe6, 0xe6, 0xe6, 0xfe, 0xf0, 0x5e};
}
std::string inflated(std::span<const std::uint8_t> in, std::size_t size) {
  std::string out(size, '\0');
  inflate(std::as_bytes(in), std::as_writable_bytes(std::span(out)));
  return out;
}
}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4") {
  CHECK(sha256_hex(bytes_of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex(bytes_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(bytes_of(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 of a stream does not depend on how it is cut") {
  const std::string text = plain_text().substr(0, 200);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto all = bytes_of(text).first(length);
    for (std::size_t cut = 0; cut <= length; cut += 7)
      REQUIRE(Sha256().update(all.first(cut)).update(all.subspan(cut)).hex() == sha256_hex(all));
  }
}

TEST_CASE("CRC-32 gives the known answer, whole and in parts") {
  CHECK(crc32(bytes_of("123456789")) == 0xcbf43926u);
  CHECK(crc32(bytes_of("")) == 0);
  const std::string text = plain_text();
  for (std::size_t cut = 0; cut < 40; ++cut)
    CHECK(crc32(bytes_of(text).subspan(cut), crc32(bytes_of(text).first(cut))) == crc32(bytes_of(text)));
}

TEST_CASE("a deflate stream inflates to what was compressed") {
  CHECK(inflated(deflated_text(), 2000) == plain_text());
  const std::vector<std::uint8_t> stored{1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
  CHECK(inflated(stored, 3) == "abc");
  const std::vector<std::uint8_t> fixed{0x4b, 0x4c, 0x4a, 0x06, 0x00};  // "abc" with the fixed code
  CHECK(inflated(fixed, 3) == "abc");
}

TEST_CASE("a damaged deflate stream is refused") {
  const auto good = deflated_text();
  CHECK_THROWS_AS(inflated(good, 1999), Error);
  CHECK_THROWS_AS(inflated(good, 2001), Error);
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    REQUIRE_THROWS_AS(inflated(std::span(good).first(cut), 2000), Error);
  const std::vector<std::uint8_t> reserved{7}, length{1, 3, 0, 0, 0, 'a', 'b', 'c'};
  CHECK_THROWS_WITH(inflated(reserved, 1), Catch::Contains("block type"));
  CHECK_THROWS_WITH(inflated(length, 3), Catch::Contains("stored block"));
}

}  // namespace fovea::test
