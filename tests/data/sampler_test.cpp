// The order of samples and random crops: by address, in range, the same whoever asks.
#include <algorithm>
#include <numeric>
#include <set>

#include <fovea/data/random_resized_crop.h>
#include <fovea/data/sampler.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using test::seed;

TEST_CASE("shuffling is a permutation, the same for the same seed and epoch, another for another") {
  for (const std::int64_t n : {0, 1, 2, 1000}) {
    std::vector<std::int64_t> sorted = shuffled(n, seed(), 3), all(static_cast<std::size_t>(n));
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    CHECK(sorted == all);
  }
  const std::vector<std::int64_t> order = shuffled(1000, seed(), 3);
  CHECK(order == shuffled(1000, seed(), 3));
  CHECK(order != shuffled(1000, seed(), 4));
  CHECK(order != shuffled(1000, seed() + 1, 3));
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a CIFAR crop moves by at most the padding, to every place, and mirrors half of the images") {
  const Philox stream(seed(), kAugmentStreams);
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  int mirrored = 0;
  for (std::int64_t sample = 0; sample < 2000; ++sample) {
    const CropFlip at = CropFlip::random(stream, sample, 4);
    INFO("seed " << seed() << ", sample " << sample << ": " << at.top << ", " << at.left);
    REQUIRE(std::abs(at.top) <= 4);
    REQUIRE(std::abs(at.left) <= 4);
    places.insert({at.top, at.left});
    mirrored += at.mirrored ? 1 : 0;
  }
  CHECK(places.size() == 81);              // each is missed with probability (80/81)^2000 < 2e-11
  CHECK(std::abs(mirrored - 1000) < 160);  // 7 standard deviations
}

TEST_CASE("random resized crops keep torchvision's limits of area and ratio") {
  test::Random random(seed());
  const Philox stream(seed(), kAugmentStreams);
  const RandomResizedCrop crops;
  int mirrored = 0;
  double least = 1, most = 0, widest = 0, tallest = 10;
  for (std::int64_t sample = 0; sample < 1000; ++sample) {
    const ImageSize photo{random.between(200, 600), random.between(200, 600)};
    const ResizedCrop at = crops.pick(stream, sample, photo);
    INFO("seed " << seed() << ", sample " << sample << ": " << at.width << "x" << at.height << " at " << at.left << ","
                 << at.top << " of " << photo.width << "x" << photo.height);
    REQUIRE((at.left >= 0 && at.top >= 0 && at.width >= 1 && at.height >= 1));
    REQUIRE((at.left + at.width <= photo.width && at.top + at.height <= photo.height));
    // Width and height are rounded: each is off by at most half a pixel.
    const auto w = static_cast<double>(at.width), h = static_cast<double>(at.height);
    REQUIRE((w - 0.5) / (h + 0.5) <= 4.0 / 3);
    REQUIRE((w + 0.5) / (h - 0.5) >= 3.0 / 4);
    const auto area = static_cast<double>(photo.width * photo.height);
    REQUIRE((w + 0.5) * (h + 0.5) >= 0.08 * area);
    least = std::min(least, w * h / area), most = std::max(most, w * h / area);
    widest = std::max(widest, w / h), tallest = std::min(tallest, w / h);
    mirrored += at.mirrored ? 1 : 0;
  }
  // The limits are reached, or nearly: of 1,000 uniform numbers the extremes are within 2 % but once in 10^8 seeds.
  CHECK(least < 0.11);
  CHECK(most > 0.85);  // large areas fit less often
  CHECK(widest > 1.3);
  CHECK(tallest < 0.77);
  CHECK(std::abs(mirrored - 500) < 111);  // 7 standard deviations
}

TEST_CASE("a photo into which no crop fits gives the largest allowed one from its centre") {
  const RandomResizedCrop crops;
  const Philox stream(seed(), kAugmentStreams);
  ResizedCrop wide = crops.pick(stream, 0, {1000, 10}), tall = crops.pick(stream, 0, {10, 1000});
  wide.mirrored = tall.mirrored = false;
  CHECK(wide == ResizedCrop{.top = 0, .left = 493, .height = 10, .width = 13});
  CHECK(tall == ResizedCrop{.top = 493, .left = 0, .height = 13, .width = 10});
  for (std::int64_t sample = 0; sample < 20; ++sample) {
    ResizedCrop dot = crops.pick(stream, sample, {1, 1});
    dot.mirrored = false;
    CHECK(dot == ResizedCrop{.height = 1, .width = 1});
  }
}

TEST_CASE("a random resized crop is the same at the same address and another elsewhere") {
  const RandomResizedCrop crops;
  const ImageSize photo{500, 375};
  const auto at = [&](std::uint64_t of_seed, std::uint64_t epoch, std::int64_t sample) {
    return crops.pick(Philox(of_seed, kAugmentStreams + epoch), sample, photo);
  };
  CHECK(at(seed(), 1, 7) == at(seed(), 1, 7));
  CHECK_FALSE(at(seed(), 1, 7) == at(seed(), 1, 8));
  CHECK_FALSE(at(seed(), 1, 7) == at(seed(), 2, 7));
  CHECK_FALSE(at(seed(), 1, 7) == at(seed() + 1, 1, 7));
}

TEST_CASE("options of a random resized crop are checked and followed") {
  const Philox stream(seed());
  const ImageSize photo{64, 48};
  CHECK_THROWS_WITH((RandomResizedCrop{.scale = {0, 1}}.pick(stream, 0, photo)), Catch::Contains("scale 0 to 1"));
  CHECK_THROWS_WITH((RandomResizedCrop{.ratio = {2, 1}}.pick(stream, 0, photo)), Catch::Contains("ratio 2 to 1"));
  CHECK_THROWS_WITH((RandomResizedCrop{}.pick(stream, 0, {0, 5})), Catch::Contains("0x5"));
  const RandomResizedCrop whole{.scale = {1, 1}, .ratio = {4.0 / 3, 4.0 / 3}, .flip = 0};
  const RandomResizedCrop mirror{.scale = {1, 1}, .ratio = {4.0 / 3, 4.0 / 3}, .flip = 1};
  CHECK(whole.pick(stream, 5, photo) == ResizedCrop{.height = 48, .width = 64});
  CHECK(mirror.pick(stream, 5, photo) == ResizedCrop{.height = 48, .width = 64, .mirrored = true});
}

// Red is the column, green the row, blue 7.
Tensor<std::uint8_t> numbered(std::int64_t width, std::int64_t height) {
  Tensor<std::uint8_t> image({height, width, 3}, uninitialized);
  std::uint8_t* to = image.mutable_data();
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x, to += 3)
      to[0] = static_cast<std::uint8_t>(x), to[1] = static_cast<std::uint8_t>(y), to[2] = 7;
  return image;
}

TEST_CASE("a resized crop of its own size is the pixels of the rectangle, mirrored where asked") {
  const Tensor<std::uint8_t> photo = numbered(40, 30);
  for (const bool mirrored : {false, true}) {
    const Tensor<std::uint8_t> out =
        resized_crop(photo, {.top = 5, .left = 11, .height = 16, .width = 16, .mirrored = mirrored}, 16);
    REQUIRE(out.shape() == Shape{16, 16, 3});
    for (std::int64_t y = 0; y < 16; ++y)
      for (std::int64_t x = 0; x < 16; ++x) {
        INFO(x << ", " << y);
        const std::uint8_t* pixel = out.data() + (y * 16 + x) * 3;
        REQUIRE(pixel[0] == 11 + (mirrored ? 15 - x : x));
        REQUIRE(pixel[1] == 5 + y);
        REQUIRE(pixel[2] == 7);
      }
  }
  CHECK_THROWS_WITH((resized_crop(photo, {.top = 20, .left = 0, .height = 11, .width = 5}, 8)),
                    Catch::Contains("5x11 at 0,20"));
}

TEST_CASE("what lies outside the rectangle does not reach the resized crop") {
  Tensor<std::uint8_t> photo({20, 30, 3});  // black, with a white rectangle
  for (std::int64_t y = 4; y < 14; ++y)
    for (std::int64_t i = 9 * 3; i < 21 * 3; ++i) photo.mutable_data()[y * 30 * 3 + i] = 255;
  for (const std::int64_t size : {3, 10, 25})
    for (const Filter filter : {Filter::bilinear, Filter::bicubic}) {
      const Tensor<std::uint8_t> out =
          resized_crop(photo, {.top = 4, .left = 9, .height = 10, .width = 12}, size, filter);
      CHECK(std::all_of(out.values().begin(), out.values().end(), [](std::uint8_t v) { return v == 255; }));
    }
}

}  // namespace
}  // namespace fovea
