// The reader of CIFAR-10's binary form, on files of a few planted records.
#include <array>

#include <fovea/data/cifar10.h>
#include <io/temporary_folder.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;
constexpr std::int64_t kSide = 32, kPixels = kSide * kSide;

// The byte of channel c at (y, x) of record i, all of them different enough.
std::uint8_t planted(std::int64_t i, std::int64_t c, std::int64_t y, std::int64_t x) {
  return static_cast<std::uint8_t>(31 * i + 85 * c + 7 * y + 3 * x + (y * x) % 11);
}

// Records first .. first + count - 1, record i labelled i % 10.
std::string records(std::int64_t first, std::int64_t count) {
  std::string bytes;
  for (std::int64_t i = first; i < first + count; ++i) {
    bytes += static_cast<char>(i % 10);
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t y = 0; y < kSide; ++y)
        for (std::int64_t x = 0; x < kSide; ++x) bytes += static_cast<char>(planted(i, c, y, x));
  }
  return bytes;
}

float normalised(std::uint8_t byte, std::int64_t c) {
  const auto k = static_cast<std::size_t>(c);
  return (static_cast<float>(byte) / 255.f - Cifar10::kMean[k]) / Cifar10::kDeviation[k];
}

TEST_CASE("a CIFAR-10 file gives the labels and pixels of its records") {
  const TemporaryFolder folder;
  const Cifar10File file(folder.write("batch.bin", records(0, 13)));
  CHECK(file.size() == 13);
  CHECK(file.label(12) == 2);
  const Tensor<std::uint8_t> image = file.image(5);
  REQUIRE(image.shape() == Shape{kSide, kSide, 3});
  for (std::int64_t y = 0; y < kSide; ++y)
    for (std::int64_t x = 0; x < kSide; ++x)
      for (std::int64_t c = 0; c < 3; ++c) REQUIRE(image.data()[(y * kSide + x) * 3 + c] == planted(5, c, y, x));
  CHECK_THROWS_WITH(file.label(13), "cifar10: record 13 of 13");
  CHECK_THROWS_WITH(file.label(-1), Catch::Contains("record -1"));
}

TEST_CASE("a file that is not CIFAR-10 is an error that names it") {
  const TemporaryFolder folder;
  std::string wrong_label = records(0, 3);
  wrong_label[2 * 3073] = 10;
  CHECK_THROWS_WITH(Cifar10File(folder.write("label.bin", wrong_label)),
                    Catch::Contains("label.bin: label at byte 6146: 10 is no class of CIFAR-10"));
  CHECK_THROWS_WITH(Cifar10File(folder.write("short.bin", records(0, 2).substr(1))),
                    Catch::Contains("short.bin") && Catch::Contains("6145 bytes are no whole number"));
  CHECK_THROWS_WITH(Cifar10File(folder.write("empty.bin", "")), Catch::Contains("empty.bin"));
  CHECK_THROWS_WITH(Cifar10File(folder / "none.bin"), Catch::Contains("none.bin"));
}

TEST_CASE("a batch that is not augmented is the file's bytes, normalised, in the order asked for") {
  const TemporaryFolder folder;
  const Cifar10 data({folder.write("1.bin", records(0, 4)), folder.write("2.bin", records(4, 3))}, false);
  REQUIRE(data.size() == 7);
  const std::array<std::int64_t, 4> samples = {6, 0, 3, 4};
  const Batch b = data.batch(samples, seed(), 2);
  REQUIRE(b.images.shape() == Shape{4, kSide, kSide, 3});
  for (std::int64_t n = 0; n < 4; ++n) {
    const std::int64_t i = samples[static_cast<std::size_t>(n)];
    CHECK(b.labels.data()[n] == i % 10);
    const float* pixel = b.images.data() + n * kPixels * 3;
    for (std::int64_t y = 0; y < kSide; ++y)
      for (std::int64_t x = 0; x < kSide; ++x)
        for (std::int64_t c = 0; c < 3; ++c) REQUIRE(*pixel++ == normalised(planted(i, c, y, x), c));
  }
  CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{7}, 0, 0), "Cifar10: sample 7 of 7");
  CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{-1}, 0, 0), "Cifar10: sample -1 of 7");
}

TEST_CASE("a part of the files begins and ends where it was told to") {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> files = {folder.write("1.bin", records(0, 4)),
                                                    folder.write("2.bin", records(4, 3))};
  const Cifar10 begin(files, false, 0, 3), rest(files, false, 3), middle(files, false, 2, 3), none(files, false, 7);
  CHECK(begin.size() == 3);
  CHECK(rest.size() == 4);
  CHECK(none.size() == 0);
  const Batch b = middle.batch(std::array<std::int64_t, 3>{0, 1, 2}, 0, 0);
  CHECK(std::vector(b.labels.values().begin(), b.labels.values().end()) == std::vector<std::int64_t>{2, 3, 4});
  CHECK(b.images.data()[2 * kPixels * 3] == normalised(planted(4, 0, 0, 0), 0));
  CHECK_THROWS_WITH(Cifar10(files, false, 5, 3), Catch::Contains("3 images from image 5 on, the files have 7"));
  CHECK_THROWS_WITH(Cifar10(files, false, -1), Catch::Contains("from image -1"));
  CHECK_THROWS_WITH(Cifar10(files, false, 8), Catch::Contains("from image 8"));
}

TEST_CASE("an augmented image is cut out of itself with black around, then mirrored") {
  const TemporaryFolder folder;
  const Cifar10 data({folder.write("1.bin", records(0, 5))}, true);
  const std::array<std::int64_t, 5> samples = {0, 1, 2, 3, 4};
  int moved = 0, mirrored = 0;
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    const Batch b = data.batch(samples, seed(), epoch);
    const float* pixel = b.images.data();
    for (const std::int64_t i : samples) {
      const CropFlip at = CropFlip::random(Philox(seed(), kAugmentStreams + epoch), i, 4);
      INFO("seed " << seed() << ", epoch " << epoch << ", image " << i << ": " << at.top << ", " << at.left);
      moved += at.top != 0 || at.left != 0 ? 1 : 0;
      mirrored += at.mirrored ? 1 : 0;
      for (std::int64_t y = 0; y < kSide; ++y)
        for (std::int64_t x = 0; x < kSide; ++x)
          for (std::int64_t c = 0; c < 3; ++c) {
            const std::int64_t row = y + at.top, column = (at.mirrored ? kSide - 1 - x : x) + at.left;
            const bool inside = row >= 0 && row < kSide && column >= 0 && column < kSide;
            REQUIRE(*pixel++ == normalised(inside ? planted(i, c, row, column) : std::uint8_t{0}, c));
          }
    }
  }
  CHECK(moved > 0);
  CHECK(mirrored > 0);
  CHECK(mirrored < 20);
}

}  // namespace
}  // namespace fovea
