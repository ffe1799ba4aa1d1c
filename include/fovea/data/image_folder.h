// ImageFolder: photos in one folder a class, FOLDER/CLASS/*.jpg, as torchvision's ImageFolder reads them. Layer data;
// read image/preprocess.h and data/random_resized_crop.h first.
//
//   const auto [train, test] = train_and_test("flowers");   // flowers/train/rose/1.jpg, flowers/test/rose/7.jpg, ...
//   const Loader loader(train, {.batch_size = 16, .shuffle = true});
//
// Photos are decoded when a batch wants them: JPEG, PNG, BMP and PNM (image/decode.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/data/loader.h>
#include <fovea/data/random_resized_crop.h>
#include <fovea/image/decode.h>
#include <fovea/image/preprocess.h>

namespace fovea::inline FOVEA_ABI {

struct ImageFolderOptions {
  Preprocess preprocess = {};  // its `crop` is the size of the inputs, in training too
  bool augment = false;        // random_crop instead of resize and centre crop
  RandomResizedCrop random_crop = {};
};

namespace detail {

// torchvision's list, so that a folder has the same samples here and there; a photo in a form that fovea does not read
// is an error when it is wanted, not left out silently.
inline bool is_photo_name(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 9> endings = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                       ".pgm", ".tif",  ".tiff", ".webp"};
  std::string ending = path.extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

inline void check_listing(const std::filesystem::path& folder, const std::error_code& error) {
  if (error) fail_as(Code::io, folder.string(), ": cannot be listed: ", error.message());
}

// The sub-folders of a folder by name, sorted by bytes.
inline std::vector<std::string> class_names(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) fail_as(Code::not_found, folder.string(), ": no such folder");
  std::vector<std::string> names;
  std::error_code dangling;  // a link to nothing is no folder
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_directory(dangling)) names.push_back(at->path().filename().string());
  check_listing(folder, error);
  std::sort(names.begin(), names.end());
  return names;
}

// The photos in a folder and below it: folder by folder, in each by name.
inline std::vector<std::filesystem::path> photos_below(const std::filesystem::path& folder) {
  using Options = std::filesystem::directory_options;
  std::vector<std::pair<std::string, std::string>> found;  // folder, name
  std::error_code error, dangling;  // a link to nothing is a photo, and an error when it is wanted
  std::filesystem::recursive_directory_iterator at(folder, Options::follow_directory_symlink, error), end;
  for (; !error && at != end; at.increment(error))
    if (is_photo_name(at->path()) && !at->is_directory(dangling))
      found.emplace_back(at->path().parent_path().string(), at->path().filename().string());
  check_listing(folder, error);
  std::sort(found.begin(), found.end());
  std::vector<std::filesystem::path> photos;
  for (const auto& [parent, name] : found) photos.push_back(std::filesystem::path(parent) / name);
  return photos;
}

}  // namespace detail

// load_image differs with the JPEG decoder built in, and so does whoever calls it.
inline namespace FOVEA_IMAGE_ABI {

class ImageFolder {
 public:
  struct Sample {
    std::filesystem::path path;
    std::int64_t label = 0;  // index into classes()
  };

  // Errors: Code::not_found (no such folder, no class folders, a class without photos), Code::io.
  explicit ImageFolder(const std::filesystem::path& folder, const ImageFolderOptions& options = {})
      : options_(options), classes_(detail::class_names(folder)) {
    if (classes_.empty())
      fail_as(Code::not_found, folder.string(), ": no class folders; ", (folder / "CLASS" / "*.jpg").string(),
              " is wanted");
    for (std::size_t label = 0; label < classes_.size(); ++label) {
      const std::vector<std::filesystem::path> photos = detail::photos_below(folder / classes_[label]);
      if (photos.empty()) fail_as(Code::not_found, (folder / classes_[label]).string(), ": no photos in this class");
      for (const std::filesystem::path& path : photos) samples_.push_back({path, static_cast<std::int64_t>(label)});
    }
    check_options();
  }
  // Samples chosen by the caller; labels must be below the number of classes.
  ImageFolder(std::vector<std::string> classes, std::vector<Sample> samples, const ImageFolderOptions& options)
      : options_(options), classes_(std::move(classes)), samples_(std::move(samples)) {
    for (const Sample& s : samples_)
      if (s.label < 0 || s.label >= static_cast<std::int64_t>(classes_.size()))
        fail("ImageFolder: ", s.path.string(), " has label ", s.label, ", there are ", classes_.size(), " classes");
    check_options();
  }

  std::int64_t size() const { return static_cast<std::int64_t>(samples_.size()); }
  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<Sample>& samples() const { return samples_; }
  const ImageFolderOptions& options() const { return options_; }

  // Decoded and prepared, N crop crop 3. The bits depend on (seed, epoch, sample) and the photo alone. Errors: those of
  // load_image, which name the file.
  Batch batch(std::span<const std::int64_t> samples, std::uint64_t seed, std::uint64_t epoch) const {
    const std::int64_t side = options_.preprocess.crop, count = static_cast<std::int64_t>(samples.size());
    Batch b{Tensor<float>({count, side, side, 3}, uninitialized), Tensor<std::int64_t>({count}, uninitialized)};
    float* images = b.images.mutable_data();
    std::int64_t* labels = b.labels.mutable_data();
    const Philox stream(seed, kAugmentStreams + epoch);
    parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t sample = samples[static_cast<std::size_t>(i)];
        if (sample < 0 || sample >= size()) fail("ImageFolder: sample ", sample, " of ", size());
        const Sample& s = samples_[static_cast<std::size_t>(sample)];
        const Tensor<float> input = prepared(s.path, stream, sample);
        std::copy_n(input.data(), input.numel(), images + i * side * side * 3);
        labels[i] = s.label;
      }
    });
    return b;
  }

 private:
  void check_options() const {
    if (options_.preprocess.crop < 1)
      fail("ImageFolder: crop is ", options_.preprocess.crop, "; the photos of a batch need one size, at least 1");
  }

  Tensor<float> prepared(const std::filesystem::path& path, const Philox& stream, std::int64_t sample) const {
    const Image photo = load_image(path).pixels;
    const Preprocess& p = options_.preprocess;
    if (options_.augment) {
      const ResizedCrop at = options_.random_crop.pick(stream, sample, {photo.size(1), photo.size(0)});
      return normalize(resized_crop(photo, at, p.crop, p.interpolation), p);
    }
    try {
      return preprocess(photo, p);
    } catch (const Error& e) {  // a strip of a photo that would become too long
      fail_data({.file = path.string()}, e.what());
    }
  }

  ImageFolderOptions options_;
  std::vector<std::string> classes_;
  std::vector<Sample> samples_;
};

struct TrainAndTest {
  ImageFolder train, test;
};

// FOLDER/train/CLASS and FOLDER/test/CLASS (or FOLDER/val/CLASS), which must have the same classes; or FOLDER/CLASS,
// where every fifth photo of a class is for testing. Only the training photos are augmented.
inline TrainAndTest train_and_test(const std::filesystem::path& folder, const Preprocess& preprocess = {},
                                   const RandomResizedCrop& random_crop = {}) {
  const ImageFolderOptions plain{.preprocess = preprocess}, augmented{preprocess, true, random_crop};
  if (std::filesystem::is_directory(folder / "train")) {
    const std::filesystem::path other = folder / (std::filesystem::is_directory(folder / "test") ? "test" : "val");
    TrainAndTest both{ImageFolder(folder / "train", augmented), ImageFolder(other, plain)};
    if (both.train.classes() != both.test.classes())
      fail_as(Code::bad_data, folder.string(), ": train has ", both.train.classes().size(), " classes and ",
              other.filename().string(), " has ", both.test.classes().size(), ", or their names differ");
    return both;
  }
  const ImageFolder all(folder, plain);
  std::vector<ImageFolder::Sample> train, test;
  std::vector<std::int64_t> seen(all.classes().size());
  for (const ImageFolder::Sample& s : all.samples())
    (++seen[static_cast<std::size_t>(s.label)] % 5 == 0 ? test : train).push_back(s);
  return {ImageFolder(all.classes(), std::move(train), augmented), ImageFolder(all.classes(), std::move(test), plain)};
}

}  // namespace FOVEA_IMAGE_ABI
}  // namespace fovea::inline FOVEA_ABI
