// Where a map lies on the photo, and the pictures of it.
#include <fovea/explain/heat.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;

// A photo whose pixels say where they are: red the column, green the row, each in 0..255 from edge to edge.
Tensor<std::uint8_t> ramp(std::int64_t width, std::int64_t height) {
  Tensor<std::uint8_t> photo({height, width, 3});
  std::uint8_t* to = photo.mutable_data();
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x, to += 3) {
      to[0] = static_cast<std::uint8_t>(255 * (2 * x + 1) / (2 * width));
      to[1] = static_cast<std::uint8_t>(255 * (2 * y + 1) / (2 * height));
      to[2] = 255;
    }
  return photo;
}

TEST_CASE("the input box is the part of the photo that the preprocessing keeps") {
  Random random(seed());
  for (int i = 0; i < 60; ++i) {
    const std::int64_t width = random.between(40, 400), height = random.between(40, 400);
    const Preprocess p{.resize = static_cast<int>(random.between(0, 2) * random.between(30, 200)),
                       .crop = static_cast<int>(random.between(0, 3) > 0 ? random.between(20, 220) : 0)};
    CAPTURE(seed(), width, height, p.resize, p.crop);
    const Tensor<std::uint8_t> input = crop_u8(ramp(width, height), p);
    const PhotoBox box = input_box({width, height}, p);
    // The pixels of the input, which say where they came from, against where the box says that they lie.
    int seen = 0;
    for (std::int64_t y = 0; y < input.size(0); ++y)
      for (std::int64_t x = 0; x < input.size(1); ++x) {
        const double at_x =
            box.left + (static_cast<double>(x) + 0.5) / static_cast<double>(input.size(1)) * (box.right - box.left);
        const double at_y =
            box.top + (static_cast<double>(y) + 0.5) / static_cast<double>(input.size(0)) * (box.bottom - box.top);
        const double w = static_cast<double>(width), h = static_cast<double>(height);
        const bool padding = input.at(y, x, 2) == 0;
        if (padding != (at_x < 0 || at_y < 0 || at_x > w || at_y > h)) FAIL("padding at " << x << ", " << y);
        if (padding || at_x < 3 || at_y < 3 || at_x > w - 3 || at_y > h - 3) continue;  // edges are smeared by resizing
        ++seen;
        const double off_x = input.at(y, x, 0) - 255 * at_x / w, off_y = input.at(y, x, 1) - 255 * at_y / h;
        // Levels: two roundings, and half a pixel of the coarser grid.
        if (std::abs(off_x) > 2.5 || std::abs(off_y) > 2.5)
          FAIL("at " << x << ", " << y << ": off by " << off_x << ", " << off_y);
      }
    CHECK(seen > 0);
  }
}

TEST_CASE("known crops: chelsea's centre, a portrait, no crop, a photo smaller than the crop") {
  const auto check = [](PhotoBox box, double left, double top, double right, double bottom) {
    CHECK(box.left == Approx(left));
    CHECK(box.top == Approx(top));
    CHECK(box.right == Approx(right));
    CHECK(box.bottom == Approx(bottom));
  };
  const double scale = 300.0 / 256, across = 451.0 / 384;  // 451x300 becomes 384x256, of which 80..304 x 16..240 is cut
  check(input_box({451, 300}, {}), 80 * across, 16 * scale, 304 * across, 240 * scale);
  check(input_box({256, 512}, {}), 16, 144, 240, 368);
  check(input_box({451, 300}, {.resize = 0, .crop = 0}), 0, 0, 451, 300);
  check(input_box({20, 31}, {.resize = 0, .crop = 32}), -6, 0, 26, 32);
}

TEST_CASE("heat has the photo's aspect, and is 0 outside of what the network saw") {
  const Tensor<float> full({7, 7}, 1.0f);
  const Tensor<std::uint8_t> heat = heat_picture(full, {1024, 512}, {.resize = 256, .crop = 224});
  REQUIRE(heat.shape() == Shape{256, 512, 1});
  // Half the photo's size; the crop of 224 of 512 x 256 begins at 144, 16 there.
  for (std::int64_t y = 0; y < 256; ++y)
    for (std::int64_t x = 0; x < 512; ++x) {
      const bool inside = x >= 144 && x < 368 && y >= 16 && y < 240;
      if (heat.at(y, x, 0) != (inside ? 255 : 0)) FAIL("heat " << int{heat.at(y, x, 0)} << " at " << x << ", " << y);
    }
  CHECK(heat_picture(full, {31, 20}, {.resize = 0, .crop = 32}).shape() == Shape{20, 31, 1});
  CHECK(heat_picture(full, {3000, 1}, {.resize = 0, .crop = 8}).shape() == Shape{1, 512, 1});
  CHECK(heat_size({1, 4000}) == ImageSize{1, 512});
  CHECK(heat_size({4000, 3000}) == ImageSize{512, 384});
  CHECK(heat_size({300, 200}) == ImageSize{300, 200});
}

TEST_CASE("the hottest cell of a map is the hottest place of its picture") {
  Random random(seed());
  for (int i = 0; i < 40; ++i) {
    const ImageSize photo{random.between(60, 900), random.between(60, 900)};
    const Preprocess p{.resize = 64, .crop = 56};
    const std::int64_t row = random.between(0, 6), column = random.between(0, 6);
    CAPTURE(seed(), photo.width, photo.height, row, column);
    Tensor<float> map({7, 7});
    map.mutable_data()[row * 7 + column] = 3;
    const Tensor<std::uint8_t> heat = heat_picture(map, photo, p);
    // The centre of heat.
    double sum = 0, x_sum = 0, y_sum = 0;
    for (std::int64_t y = 0; y < heat.size(0); ++y)
      for (std::int64_t x = 0; x < heat.size(1); ++x) {
        const double v = heat.at(y, x, 0);
        sum += v, x_sum += v * (static_cast<double>(x) + 0.5), y_sum += v * (static_cast<double>(y) + 0.5);
      }
    REQUIRE(sum > 0);
    const PhotoBox box = input_box(photo, p);
    const double shrunk = static_cast<double>(heat.size(1)) / static_cast<double>(photo.width);
    const double cell_w = (box.right - box.left) / 7 * shrunk, cell_h = (box.bottom - box.top) / 7 * shrunk;
    // A cell at the border is cut there, which moves its centre by less than half a cell.
    CHECK(std::abs(x_sum / sum - (box.left * shrunk + (static_cast<double>(column) + 0.5) * cell_w)) < 0.5 * cell_w);
    CHECK(std::abs(y_sum / sum - (box.top * shrunk + (static_cast<double>(row) + 0.5) * cell_h)) < 0.5 * cell_h);
  }
}

TEST_CASE("the largest value is white, 0 and below are black, and a map with nothing above 0 is all black") {
  const Preprocess whole{.resize = 0, .crop = 0};
  const Tensor<std::uint8_t> heat = heat_picture(Tensor<float>({1, 4}, {-5.0f, 0.0f, 1.0f, 2.0f}), {4, 1}, whole);
  CHECK(std::vector<int>(heat.values().begin(), heat.values().end()) == std::vector<int>{0, 0, 128, 255});
  const Tensor<std::uint8_t> nothing = heat_picture(Tensor<float>({2, 2}, -1.0f), {8, 8}, whole);
  for (const std::uint8_t v : nothing.values()) CHECK(v == 0);
  CHECK_THROWS_AS(heat_picture(Tensor<float>({2, 2, 1}), {8, 8}, whole), Error);
  CHECK_THROWS_AS(heat_picture(Tensor<float>({2, 2}), {0, 8}, whole), Error);
}

TEST_CASE("the largest value is white whatever size the map is drawn with") {
  Tensor<float> map({7, 7}, 0.5f);
  map.mutable_data()[3 * 7 + 3] = 2;
  for (const ImageSize photo : {ImageSize{1, 1}, ImageSize{5, 3}, ImageSize{451, 300}, ImageSize{600, 400}}) {
    CAPTURE(photo.width, photo.height);
    const Tensor<std::uint8_t> heat = heat_picture(map, photo, {});
    CHECK(*std::max_element(heat.values().begin(), heat.values().end()) == 255);
  }
}

TEST_CASE("smoothing refuses what is no map and a radius below 0") {
  CHECK_THROWS_AS(smoothed(Tensor<float>({5, 8, 1}), 1), Error);
  CHECK_THROWS_AS(smoothed(Tensor<float>({5, 8}), -1), Error);
}

TEST_CASE("smoothing is the mean of the window, cut at the borders") {
  Random random(seed());
  Tensor<float> map({5, 8});
  for (float& v : map.mutable_values()) v = static_cast<float>(random.between(-9, 9));
  for (const std::int64_t radius : {0, 1, 3, 20}) {
    CAPTURE(seed(), radius);
    const Tensor<float> mean = smoothed(map, radius);
    for (std::int64_t y = 0; y < 5; ++y)
      for (std::int64_t x = 0; x < 8; ++x) {
        double sum = 0;
        int count = 0;
        for (std::int64_t v = std::max<std::int64_t>(0, y - radius); v <= std::min<std::int64_t>(4, y + radius); ++v)
          for (std::int64_t u = std::max<std::int64_t>(0, x - radius); u <= std::min<std::int64_t>(7, x + radius); ++u)
            sum += map.at(v, u), ++count;
        CHECK(mean.at(y, x) == Approx(sum / count).margin(1e-6));
      }
  }
}

TEST_CASE("more heat is a brighter colour") {
  double before = -1;
  for (int h = 0; h < 256; ++h) {
    const auto c = heat_color(static_cast<std::uint8_t>(h));
    const double luma = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
    CHECK(luma > before - 0.6);  // rounding
    before = luma;
  }
  CHECK(heat_color(255) == std::array<std::uint8_t, 3>{255, 240, 120});
}

}  // namespace
}  // namespace fovea
