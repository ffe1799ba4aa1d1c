// CIFAR-10's binary form (Krizhevsky 2009). Layer data. A record is 3,073 bytes: a label 0..9, then 1,024 red, 1,024
// green and 1,024 blue bytes, row by row.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <fovea/core/tensor.h>
#include <fovea/data/loader.h>
#include <fovea/io/mapped_file.h>

namespace fovea::inline FOVEA_ABI {

inline constexpr std::array<std::string_view, 10> kCifar10Classes = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

class Cifar10File {
 public:
  static constexpr std::size_t kSide = 32, kPlane = kSide * kSide, kRecord = 1 + 3 * kPlane;

  // Errors: Code::not_found, Code::io; Code::bad_data if the size is no multiple of a record or a label is above 9.
  explicit Cifar10File(const std::filesystem::path& path) : path_(path.string()), file_(MappedFile::open(path)) {
    const std::size_t bytes = file_->bytes().size();
    if (bytes == 0 || bytes % kRecord != 0)
      fail_data({.file = path_}, bytes, " bytes are no whole number of CIFAR-10 records of ", kRecord, " bytes");
    for (std::int64_t i = 0; i < size(); ++i)
      if (label(i) > 9)
        fail_data({.file = path_, .field = "label", .offset = static_cast<std::uint64_t>(i) * kRecord}, label(i),
                  " is no class of CIFAR-10 (0..9)");
    file_->check();
  }

  std::int64_t size() const { return static_cast<std::int64_t>(file_->bytes().size() / kRecord); }
  int label(std::int64_t i) const { return std::to_integer<int>(record(i)[0]); }

  // The planes of record i: red, green, blue, each row by row.
  std::span<const std::byte> planes(std::int64_t i) const { return record(i).subspan(1); }

  // Record i as an image of 32 x 32 x 3.
  Tensor<std::uint8_t> image(std::int64_t i) const {
    Tensor<std::uint8_t> image({std::int64_t{kSide}, std::int64_t{kSide}, 3}, uninitialized);
    const std::span<const std::byte> from = planes(i);
    std::uint8_t* to = image.mutable_data();
    for (std::size_t p = 0; p < kPlane; ++p)
      for (std::size_t c = 0; c < 3; ++c) *to++ = std::to_integer<std::uint8_t>(from[c * kPlane + p]);
    return image;
  }

 private:
  std::span<const std::byte> record(std::int64_t i) const {
    if (i < 0 || i >= size()) fail("cifar10: record ", i, " of ", size());
    return file_->bytes().subspan(static_cast<std::size_t>(i) * kRecord, kRecord);
  }

  std::string path_;
  std::shared_ptr<const MappedFile> file_;
};

// The images of some CIFAR-10 files as a data set: normalised, and for training cut and mirrored at random (4 pixels of
// zeros around, He et al. 2016), addressed by (seed, epoch, image).
class Cifar10 {
 public:
  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
  // Mean and deviation of the training images, of 0..1.
  static constexpr std::array<float, 3> kMean = {0.4914f, 0.4822f, 0.4465f}, kDeviation = {0.2470f, 0.2435f, 0.2616f};

  // The images of the files one after the other: `count` of them from image `first` on, or all that follow.
  Cifar10(const std::vector<std::filesystem::path>& files, bool augment, std::int64_t first = 0,
          std::int64_t count = kAll)
      : first_(first), augment_(augment) {
    std::int64_t all = 0;
    for (const std::filesystem::path& path : files) all += files_.emplace_back(path).size();
    if (first < 0 || first > all || count < 0 || (count != kAll && count > all - first))
      fail("Cifar10: ", count, " images from image ", first, " on, the files have ", all);
    size_ = std::min(count, all - first);
  }

  std::int64_t size() const { return size_; }

  Batch batch(std::span<const std::int64_t> samples, std::uint64_t seed, std::uint64_t epoch) const {
    constexpr auto kSide = static_cast<std::int64_t>(Cifar10File::kSide);
    const auto count = static_cast<std::int64_t>(samples.size());
    Batch b{Tensor<float>({count, kSide, kSide, 3}), Tensor<std::int64_t>({count}, uninitialized)};
    const Philox stream(seed, kAugmentStreams + epoch);
    float* to = b.images.mutable_data();
    std::int64_t* labels = b.labels.mutable_data();
    for (const std::int64_t sample : samples) {
      const auto [file, record] = find(sample);
      *labels++ = file->label(record);
      write(file->planes(record), augment_ ? CropFlip::random(stream, sample, 4) : CropFlip{}, to);
      to += 3 * kSide * kSide;
    }
    return b;
  }

 private:
  std::pair<const Cifar10File*, std::int64_t> find(std::int64_t sample) const {
    if (sample < 0 || sample >= size_) fail("Cifar10: sample ", sample, " of ", size_);
    sample += first_;
    const Cifar10File* file = files_.data();
    for (; sample >= file->size(); ++file) sample -= file->size();
    return {file, sample};
  }

  static void write(std::span<const std::byte> planes, const CropFlip& at, float* to) {
    constexpr auto kSide = static_cast<std::int64_t>(Cifar10File::kSide);
    for (std::int64_t y = 0; y < kSide; ++y)
      for (std::int64_t x = 0; x < kSide; ++x, to += 3) {
        const std::int64_t row = y + at.top, column = (at.mirrored ? kSide - 1 - x : x) + at.left;
        if (row < 0 || row >= kSide || column < 0 || column >= kSide) {
          // Zero is black: normalised like any pixel.
          for (std::size_t c = 0; c < 3; ++c) to[c] = -kMean[c] / kDeviation[c];
          continue;
        }
        for (std::size_t c = 0; c < 3; ++c) {
          const auto p = static_cast<std::size_t>((static_cast<std::int64_t>(c) * kSide + row) * kSide + column);
          to[c] = (static_cast<float>(std::to_integer<int>(planes[p])) / 255.f - kMean[c]) / kDeviation[c];
        }
      }
  }

  std::vector<Cifar10File> files_;
  std::int64_t first_, size_ = 0;
  bool augment_;
};

}  // namespace fovea::inline FOVEA_ABI
