#include <cstring>
#include <fstream>

#include <fovea/image.h>
#include <support/catch.h>
#include <support/support.h>

using namespace fovea;
using namespace fovea::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

Decoded decode(std::string_view bytes, DecodeOptions options = {}) {
  return decode_image(std::as_bytes(std::span(bytes)), "file", options);
}
std::vector<int> pixels(std::string_view bytes) {
  const Decoded d = decode(bytes);
  return {d.pixels.values().begin(), d.pixels.values().end()};
}
std::string_view text_of(const std::vector<std::byte>& bytes) { return detail::as_text(bytes); }

std::string little(std::uint32_t v, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; ++i) s += static_cast<char>(v >> (8 * i));
  return s;
}
// A BMP with a 40-byte header; `tail` is what follows it, the pixels at its end.
std::string bmp(int width, int height, int bits, std::uint32_t compression, const std::string& tail,
                std::size_t pixels) {
  const auto at = static_cast<std::uint32_t>(54 + tail.size() - pixels);
  return "BM" + std::string(8, '\0') + little(at, 4) + little(40, 4) + little(static_cast<std::uint32_t>(width), 4) +
         little(static_cast<std::uint32_t>(height), 4) + little(1, 2) + little(static_cast<std::uint32_t>(bits), 2) +
         little(compression, 4) + std::string(20, '\0') + tail;
}

// EXIF bytes with one orientation entry.
std::string exif(bool big, int type, int value) {
  const auto n = [&](int v, int bytes) {
    std::string s = little(static_cast<std::uint32_t>(v), bytes);
    return big ? std::string(s.rbegin(), s.rend()) : s;
  };
  const std::string padding(type == 3 ? 2 : 0, '\0');
  return (big ? "MM\0*"s : "II*\0"s) + n(8, 4) + n(1, 2) + n(0x112, 2) + n(type, 2) + n(1, 4) +
         n(value, type == 3 ? 2 : 4) + padding;
}
int orientation(std::string_view bytes) { return exif_orientation(std::as_bytes(std::span(bytes))); }

}  // namespace

TEST_CASE("formats are known by content, and those that are not read are refused by name") {
  const std::pair<std::string_view, std::string_view> refused[] = {
      {"RIFF\1\0\0\0WEBPVP8 "sv, "WebP"},
      {"GIF89a\1\0\1\0"sv, "GIF"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0"sv,
       "HEIC"},
      {"\0\0\0\x18"
       "ftypavif\0\0\0\0"sv,
       "AVIF"},
      {"II*\0\x08\0\0\0"sv, "TIFF"},
      {"MM\0*\0\0\0\x08"sv, "TIFF"},
      {"Pf\n1 1\n-1\n\0\0\0\0"sv, "PFM"},
      {"P7\nWIDTH 1\n"sv, "PAM"},
      {"\xff\x0a\1\2\3"sv, "JPEG XL"},
      {"8BPS\0\1"sv, "PSD"},
  };
  for (const auto& [bytes, name] : refused)
    CHECK_THROWS_WITH(decode(bytes), Catch::Contains("file: this is " + std::string(name)));
  CHECK_THROWS_WITH(decode(""), Catch::Contains("empty"));
  CHECK_THROWS_WITH(decode("hello, world"), Catch::Contains("not an image"));
  CHECK_THROWS_WITH(decode("P9\n"), Catch::Contains("not an image"));
}

TEST_CASE("PNM is read in all its six forms") {
  CHECK(pixels("P1\n3 2\n101#comment\n010"sv) ==
        std::vector<int>{0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255});
  CHECK(pixels("P2 2 1 10\n0 5"sv) == std::vector<int>{0, 0, 0, 128, 128, 128});
  CHECK(pixels("P3 1 1 255 1 2 3"sv) == std::vector<int>{1, 2, 3});
  CHECK(pixels("P4 9 1\n\x7f\x80"sv) ==
        std::vector<int>{255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(pixels("P5 1 1 65535\n\xab\xcd"sv) == std::vector<int>{0xab, 0xab, 0xab});
  CHECK(pixels("P6 1 1 1000\n\x01\xf4\x03\xe8\0\0"sv) == std::vector<int>{128, 255, 0});
  CHECK(decode("P6 1 1 255\nabc").format == "PNM");
}

TEST_CASE("PNM headers that lie are refused by field") {
  CHECK_THROWS_WITH(decode("P5 2 2 255\nabc"), Catch::Contains("2x2 needs 4 bytes, 3 are left"));
  CHECK_THROWS_WITH(decode("P5 2 2 65536\nabcd"), Catch::Contains("maxval"));
  CHECK_THROWS_WITH(decode("P5 0 2 255\n"), Catch::Contains("0x2"));
  CHECK_THROWS_WITH(decode("P5 99999999999 2 255\n"), Catch::Contains("too large"));
  CHECK_THROWS_WITH(decode("P5 -1 2 255\n"), Catch::Contains("width"));
  CHECK_THROWS_WITH(decode("P2 1 1 255 256"), Catch::Contains("above maxval"));
  CHECK_THROWS_WITH(decode("P1 1 1 2"), Catch::Contains("0 or 1"));
  CHECK_THROWS_WITH(decode("P6 20000 20000 255\n"), Catch::Contains("limit of 89000000"));
}

TEST_CASE("BMP rows, palettes, bit fields and run lengths are read as written") {
  const std::string two_rows =
      "\1\2\3\4\5\6\0\0"
      "\7\10\11\12\13\14\0\0"s;  // B G R, padded to 4 bytes
  CHECK(pixels(bmp(2, 2, 24, 0, two_rows, 16)) == std::vector<int>{9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4});
  CHECK(pixels(bmp(2, -2, 24, 0, two_rows, 16)) == std::vector<int>{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10});
  const std::string palette =
      "\0\0\xff\0"
      "\xff\0\0\0"s;  // red, blue
  CHECK(pixels(bmp(3, 1, 1, 0, palette + "\x40\0\0\0"s, 4)) == std::vector<int>{255, 0, 0, 0, 0, 255, 255, 0, 0});
  const std::string masks = little(0xf800, 4) + little(0x07e0, 4) + little(0x001f, 4);
  CHECK(pixels(bmp(1, 1, 16, 3, masks + little(0xf81f, 2) + "\0\0"s, 4)) == std::vector<int>{255, 0, 255});
  // RLE8: two of index 1, end of line is missing, a delta of one pixel, a literal run of three in 256 entries of
  // palette.
  const std::string entries =
      "\1\1\1\0"
      "\2\2\2\0"s +
      std::string(254 * 4, '\0');
  const std::string runs = "\2\1\0\2\1\0\0\3\1\0\1\0\0\1"s;
  CHECK(pixels(bmp(6, 1, 8, 1, entries + runs, runs.size())) ==
        std::vector<int>{2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
}

TEST_CASE("BMP headers that lie are refused by field") {
  CHECK_THROWS_WITH(decode(bmp(2, 2, 24, 0, "abc", 3)), Catch::Contains("needs 16 bytes, 3 are left"));
  CHECK_THROWS_WITH(decode(bmp(-2, 2, 24, 0, "", 0)), Catch::Contains("-2x2"));
  CHECK_THROWS_WITH(decode(bmp(2, -2147483647 - 1, 24, 0, "", 0)), Catch::Contains("limit"));
  CHECK_THROWS_WITH(decode(bmp(2, 2, 3, 0, "", 0)), Catch::Contains("3 bits"));
  CHECK_THROWS_WITH(decode(bmp(2, 2, 24, 4, "", 0)), Catch::Contains("method 4"));
  CHECK_THROWS_WITH(decode("BM\1\2"), Catch::Contains("file header"));
  const std::string gaps = little(0xf00f, 4) + little(0x07e0, 4) + little(0x001f, 4);
  CHECK_THROWS_WITH(decode(bmp(1, 1, 16, 3, gaps + "\0\0\0\0"s, 4)), Catch::Contains("gaps"));
}

TEST_CASE("a picture that we write as PNG reads back as it was") {
  Random random(seed());
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    Tensor<std::uint8_t> image(Shape{19, 33, channels});
    for (std::uint8_t& v : image.mutable_values()) v = static_cast<std::uint8_t>(random.between(0, 255));
    const Decoded d = decode(text_of(encode_png(image)));
    CHECK(d.format == "PNG");
    REQUIRE(d.pixels.shape() == Shape{19, 33, 3});
    for (std::int64_t i = 0; i < 19 * 33; ++i)
      for (std::int64_t c = 0; c < 3; ++c)
        REQUIRE(d.pixels.data()[i * 3 + c] == image.data()[i * channels + (channels < 3 ? 0 : c)]);
  }
  CHECK_THROWS_WITH(encode_png(Tensor<std::uint8_t>(Shape{2, 2, 5})), Catch::Contains("2x2x5"));
}

TEST_CASE("a PNG whose pixels inflate to more than its size allows is refused, not served") {
  // 64 x 64 grey declared, 100 MB of zeros inside: deflate shrinks them a thousandfold.
  const std::vector<std::byte> large = encode_png(Tensor<std::uint8_t>(Shape{10000, 10000, 1}));
  std::string png(text_of(large));
  const std::string size = "\0\0\0\x40\0\0\0\x40"s;
  png.replace(16, 8, size);
  const std::uint32_t crc = crc32(std::as_bytes(std::span(png)).subspan(12, 17));
  for (std::size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
  CHECK_THROWS_WITH(decode(png), Catch::Contains("do not decode"));
}

TEST_CASE("EXIF orientation is read in both byte orders, and broken EXIF means upright") {
  for (int value = 1; value <= 8; ++value)
    for (const bool big : {false, true})
      for (const int type : {3, 4}) CHECK(orientation(exif(big, type, value)) == value);
  CHECK(orientation("Exif\0\0"s + exif(true, 3, 6)) == 6);
  for (const std::string& broken : {exif(true, 3, 9), exif(true, 3, 0), exif(false, 2, 6), "MM\0*"s,
                                    "II*\0\xff\xff\xff\xff"s, ""s, exif(true, 3, 6).substr(0, 19)})
    CHECK(orientation(broken) == 1);
}

TEST_CASE("each orientation turns the picture as EXIF says") {
  const Tensor<std::uint8_t> stored(Shape{2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const std::vector<std::vector<int>> shown = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                               {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                               {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int o = 1; o <= 8; ++o) {
    const Tensor<std::uint8_t> t = upright(stored, o);
    CHECK(t.shape() == (o < 5 ? Shape{2, 3, 1} : Shape{3, 2, 1}));
    CHECK(std::vector<int>(t.values().begin(), t.values().end()) == shown[static_cast<std::size_t>(o - 1)]);
  }
  CHECK_THROWS_WITH(upright(stored, 9), Catch::Contains("1 to 8"));
}

TEST_CASE("the limit on pixels is checked before anything is allocated") {
  CHECK(decode("P5 2 3 255\nabcdef", {.max_pixels = 6}).pixels.numel() == 18);
  CHECK_THROWS_WITH(decode("P5 2 3 255\nabcdef", {.max_pixels = 5}), Catch::Contains("limit of 5 pixels"));
}

// A progressive JPEG of this size with so many scans without data.
std::string scans(int side, int count) {
  const auto big = [](int v) { return std::string{static_cast<char>(v >> 8), static_cast<char>(v)}; };
  std::string jpeg = "\xff\xd8\xff\xc2\0\x0b\x08"s + big(side) + big(side) + "\1\1\x11\0"s;
  for (int i = 0; i < count; ++i) jpeg += "\xff\xda\0\x08\1\1\0\1\x3f\0"s;
  return jpeg + "\xff\xd9";
}

TEST_CASE("a JPEG with more scans than its size allows is refused before it is decoded") {
  const auto walk = [](const std::string& jpeg) {
    return detail::walk_jpeg(std::as_bytes(std::span(jpeg)), "file", 89'000'000).scans;
  };
  CHECK(walk(scans(9400, 22)) == 22);
  CHECK(walk(scans(100, 1000)) == 1000);
  CHECK_THROWS_WITH(decode(scans(9400, 23)), Catch::Contains("23 scans of 9400x9400"));
  // Their length, were it one, would hide the scans behind them.
  const std::string hidden = scans(9400, 22);
  const std::string reserved = hidden.substr(0, hidden.size() - 2) + "\xff\x02\xff\xff" + scans(1, 1).substr(15);
  CHECK_THROWS_WITH(decode(reserved), Catch::Contains("23 scans of 9400x9400"));
}

TEST_CASE("files that cannot be read say why") {
  CHECK_THROWS_WITH(load_image("no/such/cat.jpg"), Catch::Contains("no/such/cat.jpg: no such file"));
  CHECK_THROWS_WITH(load_image(source_file("tests")), Catch::Contains("not a regular file"));
  const std::filesystem::path hole = std::filesystem::temp_directory_path() / "fovea_decode_test_hole";
  std::ofstream(hole) << "P6";
  std::filesystem::resize_file(hole, std::uintmax_t{1} << 40);  // sparse: takes no room
  CHECK_THROWS_WITH(load_image(hole), Catch::Contains("1099511627776 bytes"));
  std::filesystem::remove(hole);
}
