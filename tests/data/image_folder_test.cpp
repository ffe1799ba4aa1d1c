// Photos in class folders: which samples there are, what they are called, and what a batch of them holds.
#include <algorithm>
#include <cstring>
#include <numeric>

#include <fovea/core/parallel_for.h>
#include <fovea/data/image_folder.h>
#include <fovea/image/encode.h>
#include <io/temporary_folder.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;
using Path = std::filesystem::path;

Image noise(std::int64_t width, std::int64_t height, std::uint64_t of_seed) {
  Image image({height, width, 3}, uninitialized);
  Random random(of_seed);
  for (std::int64_t i = 0; i < image.numel(); ++i)
    image.mutable_data()[i] = static_cast<std::uint8_t>(random.between(0, 255));
  return image;
}

void put(const Path& path, const Image& image) {
  std::filesystem::create_directories(path.parent_path());
  save_png(path, image);
}
void put(const Path& path, std::uint64_t of_seed = 1) { put(path, noise(20, 15, of_seed)); }
void put_text(const Path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> names(const ImageFolder& data, const Path& folder) {
  std::vector<std::string> all;
  for (const ImageFolder::Sample& s : data.samples())
    all.push_back(std::to_string(s.label) + " " + s.path.lexically_relative(folder).generic_string());
  return all;
}

std::vector<std::int64_t> first(std::int64_t n) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

bool same_bytes(const Tensor<float>& a, const Tensor<float>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(float)) == 0;
}

const Preprocess kSmall{.resize = 18, .crop = 16};

TEST_CASE("classes are the sub-folders by name, samples their photos, folder by folder and by name") {
  const TemporaryFolder temporary;
  const Path folder = temporary / "photos";
  for (const char* name : {"zebra/2.png", "zebra/10.PNG", "zebra/b/0.png", "Ant/x.Jpeg", "ant/y.png", "zebra/c.bmp"})
    put(folder / name);
  put_text(folder / "ant/notes.txt", "no photo");
  put_text(folder / "README.md", "no class");
  std::filesystem::create_directories(folder / "ant/folder.png");
  const ImageFolder data(folder);
  CHECK(data.classes() == std::vector<std::string>{"Ant", "ant", "zebra"});
  CHECK(data.size() == 6);
  CHECK(names(data, folder) == std::vector<std::string>{"0 Ant/x.Jpeg", "1 ant/y.png", "2 zebra/10.PNG",
                                                        "2 zebra/2.png", "2 zebra/c.bmp", "2 zebra/b/0.png"});
}

TEST_CASE("a folder without classes, a class without photos and a folder that is not there are errors") {
  const TemporaryFolder temporary;
  put(temporary / "flat/1.png");
  CHECK_THROWS_WITH(ImageFolder(temporary / "flat"),
                    Catch::Contains("flat: no class folders") && Catch::Contains("CLASS/*.jpg"));
  put(temporary / "half/cat/1.png");
  put_text(temporary / "half/dog/1.txt", "x");
  CHECK_THROWS_WITH(ImageFolder(temporary / "half"), Catch::Contains("half/dog: no photos in this class"));
  CHECK_THROWS_WITH(ImageFolder(temporary / "none"), Catch::Contains("none: no such folder"));
  put(temporary / "good/cat/1.png");
  CHECK_THROWS_WITH((ImageFolder(temporary / "good", {.preprocess = {.crop = 0}})), Catch::Contains("crop is 0"));
}

TEST_CASE("a batch for testing is each photo resized and cut from its centre, as classify does it") {
  const TemporaryFolder temporary;
  put(temporary / "set/a/1.png", noise(40, 30, seed()));
  put(temporary / "set/a/2.png", noise(17, 50, seed() + 1));
  put(temporary / "set/b/1.png", noise(5, 5, seed() + 2));
  const ImageFolder data(temporary / "set", {.preprocess = kSmall});
  const std::array<std::int64_t, 3> samples = {2, 0, 1};
  const Batch b = data.batch(samples, seed(), 0);
  REQUIRE(b.images.shape() == Shape{3, 16, 16, 3});
  for (std::int64_t n = 0; n < 3; ++n) {
    const auto& [path, label] = data.samples()[static_cast<std::size_t>(samples[static_cast<std::size_t>(n)])];
    const Tensor<float> wanted = preprocess(load_image(path).pixels, kSmall);
    CHECK(std::equal(wanted.values().begin(), wanted.values().end(), b.images.data() + n * wanted.numel()));
    CHECK(b.labels.data()[n] == label);
  }
  CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{3}, 0, 0), "ImageFolder: sample 3 of 3");
}

TEST_CASE("a batch for training is the random crop of its seed, epoch and sample") {
  const TemporaryFolder temporary;
  for (int i = 0; i < 6; ++i)
    put(temporary / ("set/" + std::to_string(i % 2) + "/" + std::to_string(i) + ".png"), noise(33, 47, seed()));
  const ImageFolder data(temporary / "set", {.preprocess = kSmall, .augment = true});
  const std::vector<std::int64_t> all = first(data.size());
  const Batch b = data.batch(all, seed(), 3);
  for (const std::int64_t i : all) {
    const Image photo = load_image(data.samples()[static_cast<std::size_t>(i)].path).pixels;
    const ResizedCrop at = RandomResizedCrop{}.pick(Philox(seed(), kAugmentStreams + 3), i, {33, 47});
    const Tensor<float> wanted = normalize(resized_crop(photo, at, 16), kSmall);
    CHECK(std::equal(wanted.values().begin(), wanted.values().end(), b.images.data() + i * wanted.numel()));
  }
  // All six photos are the same: what differs is the crop.
  CHECK_FALSE(std::equal(b.images.data(), b.images.data() + 768, b.images.data() + 768));
  CHECK_FALSE(same_bytes(b.images, data.batch(all, seed(), 4).images));
  CHECK(same_bytes(data.batch(std::array<std::int64_t, 1>{4}, seed(), 3).images,
                   data.batch(std::array<std::int64_t, 1>{4}, seed(), 3).images));
}

TEST_CASE("a batch has the same bits at any thread count, and from a loader") {
  const TemporaryFolder temporary;
  Random random(seed());
  for (int i = 0; i < 9; ++i)
    put(temporary / ("set/" + std::to_string(i % 3) + "/" + std::to_string(i) + ".png"),
        noise(random.between(8, 60), random.between(8, 60), random.next()));
  const ImageFolder data(temporary / "set", {.preprocess = kSmall, .augment = true});
  const int before = thread_count();
  set_thread_count(1);
  const Batch one = data.batch(first(9), seed(), 0);
  for (const int threads : {2, 5}) {
    set_thread_count(threads);
    CHECK(same_bytes(data.batch(first(9), seed(), 0).images, one.images));
  }
  set_thread_count(before);
  const Loader loader(data, {.batch_size = 9, .seed = seed()});
  CHECK(same_bytes(loader.epoch(0).next()->images, one.images));
}

TEST_CASE("a photo that cannot be read is an error that names its file, when its batch is asked for") {
  const TemporaryFolder temporary;
  const Path folder = temporary / "set";
  put(folder / "a/1.png");
  put(folder / "a/2.png");
  const std::string good = read_text(folder / "a/2.png");
  put_text(folder / "b/cut.png", good.substr(0, good.size() / 2));
  put_text(folder / "b/text.jpg", "hello");
  put_text(folder / "b/web.webp", std::string("RIFF\x20\0\0\0WEBPVP8 ", 16));
  std::filesystem::create_symlink("nowhere", folder / "b/zlink.png");
  for (const bool augment : {false, true}) {
    const ImageFolder data(folder, {.preprocess = kSmall, .augment = augment});
    REQUIRE(data.size() == 6);
    const Loader loader(data, {.batch_size = 1});
    Loader::Batches batches = loader.epoch(0);
    CHECK(batches.next());
    CHECK(batches.next());
    CHECK_THROWS_WITH(batches.next(), Catch::Contains("b/cut.png"));
    CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{3}, 0, 0), Catch::Contains("b/text.jpg"));
    CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{4}, 0, 0), Catch::Contains("b/web.webp"));
    CHECK_THROWS_WITH(data.batch(std::array<std::int64_t, 1>{5}, 0, 0), Catch::Contains("b/zlink.png"));
  }
}

TEST_CASE("a photo too long to be resized names its file") {
  const TemporaryFolder temporary;
  put(temporary / "set/a/strip.png", Image({1, 30000, 3}));
  const ImageFolder data(temporary / "set", {.preprocess = {.resize = 16000, .crop = 16}});
  CHECK_THROWS_WITH(data.batch(first(1), 0, 0), Catch::Contains("a/strip.png") && Catch::Contains("30000x1"));
}

TEST_CASE("train and test folders must have the same classes; without them every fifth photo is for testing") {
  const TemporaryFolder temporary;
  for (const char* name : {"two/train/a/1.png", "two/train/b/1.png", "two/val/a/2.png", "two/val/b/2.png"})
    put(temporary / name);
  const auto [train, test] = train_and_test(temporary / "two", kSmall);
  CHECK(names(train, temporary / "two") == std::vector<std::string>{"0 train/a/1.png", "1 train/b/1.png"});
  CHECK(names(test, temporary / "two") == std::vector<std::string>{"0 val/a/2.png", "1 val/b/2.png"});
  CHECK(train.options().augment);
  CHECK_FALSE(test.options().augment);
  put(temporary / "two/test/c/1.png");  // test is taken before val
  CHECK_THROWS_WITH(train_and_test(temporary / "two"), Catch::Contains("train has 2 classes and test has 1"));

  for (int i = 0; i < 12; ++i)
    put(temporary / ("one/" + std::string(i < 7 ? "a/" : "b/") + static_cast<char>('a' + i) + ".png"));
  const auto both = train_and_test(temporary / "one", kSmall);
  CHECK(both.train.size() == 10);
  CHECK(names(both.test, temporary / "one") == std::vector<std::string>{"0 a/e.png", "1 b/l.png"});
  CHECK(both.test.classes() == std::vector<std::string>{"a", "b"});
  CHECK(both.train.options().augment);
}

TEST_CASE("the photos of the data folder are read whole") {
  if (!needs("data") || !needs("turbojpeg")) return;
  const auto [train, test] = train_and_test(shared_data("finetune/grocery10"), kSmall);
  CHECK(train.size() == 180);
  CHECK(test.size() == 120);
  CHECK(train.classes().front() == "golden-delicious");
  CHECK(train.classes().back() == "satsumas");
  const Loader loader(test, {.batch_size = 40});
  std::int64_t photos = 0;
  for (Loader::Batches batches = loader.epoch(0); const auto batch = batches.next();) photos += batch->images.size(0);
  CHECK(photos == 120);
}

}  // namespace
}  // namespace fovea
