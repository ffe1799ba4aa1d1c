// CIFAR-10's binary form (Krizhevsky 2009). Layer data. A record is 3,073 bytes: a label 0..9, then 1,024 red, 1,024
// green and 1,024 blue bytes, row by row.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <fovea/core/tensor.h>
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

  // Record i as an image of 32 x 32 x 3.
  Tensor<std::uint8_t> image(std::int64_t i) const {
    Tensor<std::uint8_t> image({std::int64_t{kSide}, std::int64_t{kSide}, 3}, uninitialized);
    const std::span<const std::byte> planes = record(i).subspan(1);
    std::uint8_t* to = image.mutable_data();
    for (std::size_t p = 0; p < kPlane; ++p)
      for (std::size_t c = 0; c < 3; ++c) *to++ = std::to_integer<std::uint8_t>(planes[c * kPlane + p]);
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

}  // namespace fovea::inline FOVEA_ABI
