// Rectangles, pictures and text on a picture.
#include <cstring>
#include <set>

#include <fovea/image/draw.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;
using Picture = Tensor<std::uint8_t>;

constexpr Color kRed = {200, 10, 20};

// '#' where the picture has this colour.
std::string drawn(const Picture& p, Color color) {
  std::string text;
  for (std::int64_t y = 0; y < p.size(0); ++y, text += '\n')
    for (std::int64_t x = 0; x < p.size(1); ++x)
      text += std::memcmp(p.data() + (y * p.size(1) + x) * 3, color.data(), 3) == 0 ? '#' : '.';
  return text;
}

TEST_CASE("a rectangle is filled where it lies inside the picture") {
  Picture p({3, 5, 3});
  fill_rect(p, 1, 1, 2, 1, kRed);
  CHECK(drawn(p, kRed) == ".....\n.##..\n.....\n");
  fill_rect(p, 3, -4, 100, 5, kRed);
  CHECK(drawn(p, kRed) == "...##\n.##..\n.....\n");
  fill_rect(p, -5, 0, 5, 3, kRed);
  fill_rect(p, 5, 0, 5, 3, kRed);
  fill_rect(p, 0, 0, -2, 3, kRed);
  CHECK(drawn(p, kRed) == "...##\n.##..\n.....\n");
  Picture grey({3, 5, 1});
  CHECK_THROWS_AS(fill_rect(grey, 0, 0, 1, 1, kRed), Error);
}

TEST_CASE("a picture is copied onto another at every offset as pixel by pixel") {
  Random random(seed());
  Picture small({3, 4, 3});
  for (std::uint8_t& v : small.mutable_values()) v = static_cast<std::uint8_t>(random.between(1, 255));
  for (std::int64_t top = -5; top <= 8; ++top)
    for (std::int64_t left = -6; left <= 9; ++left) {
      CAPTURE(seed(), top, left);
      Picture p({6, 7, 3}), expected({6, 7, 3});
      draw_picture(p, left, top, small);
      for (std::int64_t y = 0; y < 3; ++y)
        for (std::int64_t x = 0; x < 4; ++x)
          if (top + y >= 0 && top + y < 6 && left + x >= 0 && left + x < 7)
            std::memcpy(expected.mutable_data() + ((top + y) * 7 + left + x) * 3, small.data() + (y * 4 + x) * 3, 3);
      REQUIRE(std::memcmp(p.data(), expected.data(), p.values().size()) == 0);
    }
}

TEST_CASE("text is drawn in cells of 6 x 9 dots, any scale") {
  Picture p({9, 12, 3});
  draw_text(p, 0, 0, "T,", kRed);
  CHECK(drawn(p, kRed) ==
        "#####.......\n..#.........\n..#.........\n..#.........\n..#.........\n..#....##...\n..#....##...\n"
        "........#...\n.......#....\n");
  Picture twice({18, 24, 3});
  draw_text(twice, 0, 0, "T,", kRed, 2);
  for (std::int64_t y = 0; y < 18; ++y)
    for (std::int64_t x = 0; x < 24; ++x) REQUIRE(twice.at(y, x, 0) == p.at(y / 2, x / 2, 0));
  Picture cut({4, 4, 3});
  draw_text(cut, -2, -3, "T", kRed);
  CHECK(drawn(cut, kRed) == "#...\n#...\n#...\n#...\n");
  CHECK_THROWS_AS(draw_text(cut, 0, 0, "T", kRed, 0), Error);
}

TEST_CASE("every printable character has a shape of its own, and what is not ASCII is one box") {
  std::set<std::string> shapes;
  const auto shape = [](const std::string& text) {
    Picture p({9, 6, 3});
    draw_text(p, 0, 0, text, kRed);
    return drawn(p, kRed);
  };
  for (char c = ' '; c <= '~'; ++c) shapes.insert(shape(std::string(1, c)));
  CHECK(shapes.size() == 95);
  CHECK(shape("\xc3\xa9") == shape("\x7f"));
  CHECK(shape("\x01") == shape("\x7f"));
  CHECK_FALSE(shapes.contains(shape("\x7f")));
  CHECK(text_width("caf\xc3\xa9") == 4 * 6);
  CHECK(text_width("cafe", 3) == 4 * 18);
}

TEST_CASE("text that does not fit ends in two dots, never inside a character") {
  CHECK(text_that_fits("tiger cat", 54) == "tiger cat");
  CHECK(text_that_fits("tiger cat", 53) == "tiger ..");
  CHECK(text_that_fits("caf\xc3\xa9 au lait", 6 * 6) == "caf\xc3\xa9..");
  CHECK(text_that_fits("caf\xc3\xa9 au lait", 5 * 6) == "caf..");
  CHECK(text_that_fits("abc", 0) == "..");
}

}  // namespace
}  // namespace fovea
