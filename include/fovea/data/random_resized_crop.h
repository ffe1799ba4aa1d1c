// RandomResizedCrop: a random part of a photo and whether it is mirrored, torchvision's training transform (Szegedy et
// al. 2015, arXiv:1409.4842), by address as everything random in this layer. Layer data; read data/sampler.h first.
//
//   const ResizedCrop at = RandomResizedCrop{}.pick(stream, sample, {photo.size(1), photo.size(0)});
//   Tensor<std::uint8_t> input = resized_crop(photo, at, 224);
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fovea/core/random.h>
#include <fovea/image/preprocess.h>

namespace fovea::inline FOVEA_ABI {

// A rectangle inside a photo, in pixels.
struct ResizedCrop {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  bool mirrored = false;
  friend bool operator==(const ResizedCrop&, const ResizedCrop&) = default;
};

struct RandomResizedCrop {
  std::array<double, 2> scale = {0.08, 1};           // of the photo's area
  std::array<double, 2> ratio = {3.0 / 4, 4.0 / 3};  // width to height; their logarithm is uniform
  double flip = 0.5;                                 // probability of being mirrored

  // The same for the same address. Area and ratio are drawn up to ten times until the rectangle fits into the photo;
  // if none does, it is the largest one from the centre whose ratio is allowed.
  ResizedCrop pick(const Philox& stream, std::int64_t sample, ImageSize photo) const {
    if (photo.width < 1 || photo.height < 1)
      fail("RandomResizedCrop: a photo of ", photo.width, "x", photo.height, " pixels");
    if (!(scale[0] > 0 && scale[0] <= scale[1] && ratio[0] > 0 && ratio[0] <= ratio[1]))
      fail("RandomResizedCrop: scale ", scale[0], " to ", scale[1], ", ratio ", ratio[0], " to ", ratio[1],
           "; both must be above 0 and rise");
    const std::uint64_t first = static_cast<std::uint64_t>(sample) * kBlocks;
    ResizedCrop crop = center(photo);
    for (std::uint64_t i = 0; i < kTries; ++i)
      if (fits(stream.block(first + i), photo, crop)) break;
    crop.mirrored = uniform_from(stream.block(first + kTries)[0]) < flip;
    return crop;
  }

 private:
  static constexpr std::uint64_t kTries = 10, kBlocks = 16;  // of random words for a sample

  // One try: false if it does not fit.
  bool fits(const PhiloxBlock& words, ImageSize photo, ResizedCrop& crop) const {
    const double area = static_cast<double>(photo.width * photo.height) * between(words[0], scale[0], scale[1]);
    const double shape = std::exp(between(words[1], std::log(ratio[0]), std::log(ratio[1])));
    const auto w = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area * shape)));
    const auto h = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area / shape)));
    if (w < 1 || h < 1 || w > photo.width || h > photo.height) return false;
    const auto place = [](std::uint32_t word, std::int64_t places) {
      return static_cast<std::int64_t>(below_from(word, static_cast<std::uint32_t>(places)));
    };
    crop = {place(words[2], photo.height - h + 1), place(words[3], photo.width - w + 1), h, w, false};
    return true;
  }

  ResizedCrop center(ImageSize photo) const {
    const auto width = static_cast<double>(photo.width), height = static_cast<double>(photo.height);
    std::int64_t w = photo.width, h = photo.height;
    if (width / height < ratio[0])
      h = std::min(h, std::max<std::int64_t>(1, std::llrint(width / ratio[0])));
    else if (width / height > ratio[1])
      w = std::min(w, std::max<std::int64_t>(1, std::llrint(height * ratio[1])));
    return {(photo.height - h) / 2, (photo.width - w) / 2, h, w, false};
  }

  static double between(std::uint32_t word, double low, double high) {
    return low + (high - low) * static_cast<double>(uniform_from(word));
  }
};

// The rectangle cut out of a photo H W 3, resized to size x size, then mirrored. Only pixels inside it count.
inline Tensor<std::uint8_t> resized_crop(const Tensor<std::uint8_t>& photo, const ResizedCrop& at, std::int64_t size,
                                         Filter filter = Filter::bilinear) {
  if (photo.rank() != 3 || at.top < 0 || at.left < 0 || at.height < 1 || at.width < 1 ||
      at.top + at.height > photo.size(0) || at.left + at.width > photo.size(1))
    fail("resized_crop: ", at.width, "x", at.height, " at ", at.left, ",", at.top, " is not inside an image of shape ",
         photo.shape(), " (H W C)");
  const std::int64_t c = photo.size(2), row = at.width * c;
  Tensor<std::uint8_t> cut({at.height, at.width, c}, uninitialized);
  std::uint8_t* to = cut.mutable_data();
  for (std::int64_t y = 0; y < at.height; ++y)
    std::copy_n(photo.data() + ((at.top + y) * photo.size(1) + at.left) * c, row, to + y * row);
  const Tensor<std::uint8_t> small = resize(cut, {.width = size, .height = size, .filter = filter});
  if (!at.mirrored) return small;
  Tensor<std::uint8_t> out(small.shape(), uninitialized);
  to = out.mutable_data();
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = size; x-- > 0;) to = std::copy_n(small.data() + (y * size + x) * c, c, to);
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
