// explain(): the net that ships on demo photos, by each method; what it refuses; several threads; the picture.
#include <atomic>
#include <cstring>
#include <thread>

#include <fovea/explain.h>
#include <support/catch.h>
#include <support/support.h>
#include <tools/small_net.h>

namespace fovea {
namespace {
using namespace test;

const Classifier& shipped() {
  static const Classifier classifier = Classifier::load(source_file("models/efficientnet-lite0.safetensors"));
  return classifier;
}
Image photo(const std::string& name) { return load_image(source_file("examples/photos/" + name)).pixels; }

// CIFAR ResNet-20 with seeded weights: every method takes milliseconds.
const Classifier& small() {
  static const Classifier classifier = [] {
    TensorFile file;
    file.path = "small.safetensors";
    file.tensors = small_net_tensors();
    file.metadata = kSmallNetMetadata;
    return Classifier(std::move(file));
  }();
  return classifier;
}

std::string error_of(const Classifier& c, const Image& pixels, const ExplainOptions& options) {
  try {
    explain(c, pixels, options);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

bool same(const Tensor<std::uint8_t>& a, const Tensor<std::uint8_t>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.values().size()) == 0;
}

TEST_CASE("the explained class is the answer of classify, or the one that was named") {
  const Image cat = photo("chelsea.png");
  const Answer answer = shipped().classify_pixels(cat);
  const Explanation best = explain(shipped(), cat);
  CHECK(best.method == "gradcam");
  CHECK(best.index == answer.top[0].index);
  CHECK(best.name == answer.top[0].name);
  CHECK(best.probability == answer.top[0].probability);
  CHECK(best.layer == "_bn1");
  CHECK(best.width == 451);
  CHECK(best.height == 300);
  CHECK(best.heat.shape() == Shape{300, 451, 1});
  const Explanation named = explain(shipped(), cat, {.index = answer.top[2].index, .layer = "_blocks"});
  CHECK(named.index == answer.top[2].index);
  CHECK(named.probability == answer.top[2].probability);
  CHECK(named.layer == "_blocks.15");
  CHECK_FALSE(same(named.heat, best.heat));
}

TEST_CASE("each method finds the cup where the cup is") {
  // coffee.png, 600 x 400: the cup with its saucer is left of the middle and fills the height; the spoon and table are
  // right.
  const Image cup = photo("coffee.png");
  const auto part_in = [](const Tensor<std::uint8_t>& heat, double left, double right) {
    double inside = 0, all = 0;
    for (std::int64_t i = 0; i < heat.numel(); ++i) {
      const double x = static_cast<double>(i % heat.size(1)) / static_cast<double>(heat.size(1));
      all += heat.data()[i];
      if (x >= left && x < right) inside += heat.data()[i];
    }
    return inside / all;
  };
  for (const char* method : {"gradcam", "occlusion"}) {
    CAPTURE(method);
    const Explanation e = explain(shipped(), cup, {.method = method});
    CHECK(e.name == "espresso");
    CHECK(e.heat.shape() == Shape{341, 512, 1});
    CHECK(part_in(e.heat, 0.2, 0.7) > 0.75);
  }
}

TEST_CASE("integrated gradients of a photo add up, and say how many steps that took") {
  const Explanation e = explain(small(), photo("rocket.jpg"), {.method = "ig"});
  CHECK(e.steps >= 64);
  CHECK(e.steps <= 1024);
  CHECK(e.error <= 0.01);
  CHECK(e.heat.shape() == Shape{342, 512, 1});
}

TEST_CASE("integrated gradients take no more steps than they may, and say how far off they are") {
  const Image rocket = photo("rocket.jpg");
  const Explanation fine = explain(small(), rocket, {.method = "ig"});
  for (const int most : {1, 3, 64}) {
    CAPTURE(most);
    const Explanation rough = explain(small(), rocket, {.method = "ig", .max_steps = most});
    CHECK(rough.steps == most);
    CHECK(rough.error >= (most < fine.steps ? 0.01 : 0));
  }
  CHECK(error_of(small(), rocket, {.method = "ig", .max_steps = 0}).find("0 to 0 steps") != std::string::npos);
}

TEST_CASE("an explanation that another thread stops ends with an error that says so") {
  std::atomic<bool> stop = false;
  for (const char* method : {"gradcam", "ig", "occlusion"}) {
    CAPTURE(method);
    stop = false;
    CHECK(error_of(small(), photo("coffee.png"), {.method = method, .max_steps = 2, .stop = &stop}) == "no error");
    stop = true;
    CHECK(error_of(small(), photo("coffee.png"), {.method = method, .max_steps = 2, .stop = &stop}) ==
          "explain: stopped");
  }
}

TEST_CASE("explain refuses what it cannot do with a sentence") {
  const Image cat = photo("chelsea.png");
  const auto gives = [&](const ExplainOptions& options, const std::string& part) {
    const std::string error = error_of(small(), cat, options);
    CAPTURE(error, part);
    CHECK(error.find(part) != std::string::npos);
  };
  gives({.method = "grad-cam"}, "unknown method 'grad-cam', did you mean 'gradcam'?");
  gives({.method = "shapley"}, "known are gradcam, ig, occlusion");
  gives({.index = 10}, "class 10, the network has the classes 0 to 9");
  gives({.layer = "layer3.3"}, "did you mean 'layer3.0'?");
  gives({.method = "ig", .index = {}, .layer = "layer3"}, "only gradcam looks at one");
  CHECK_THROWS_AS(explain(small(), Image({4, 4, 1}), {}), Error);
}

TEST_CASE("one classifier explains to four threads at once as it explains to one") {
  const Image pictures[] = {photo("chelsea.png"), photo("coffee.png")};
  const auto heat = [&](std::size_t i) {
    return explain(small(), pictures[i % 2], {.method = i < 2 ? "gradcam" : "occlusion"}).heat;
  };
  Tensor<std::uint8_t> alone[4], together[4];
  for (std::size_t i = 0; i < 4; ++i) alone[i] = heat(i);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) threads.emplace_back([&, i] { together[i] = heat(i); });
  for (std::thread& t : threads) t.join();
  for (std::size_t i = 0; i < 4; ++i) CHECK(same(alone[i], together[i]));
}

TEST_CASE("the picture shows the photo, the photo under its heat, the class and a legend") {
  const Image cat = photo("chelsea.png");
  Explanation e = explain(small(), cat);
  const Image picture = explanation_picture(cat, e);
  REQUIRE(picture.rank() == 3);
  CHECK(picture.size(1) > 2 * 451);
  CHECK(picture.size(0) > 300);
  // The photo stands there as it is, somewhere in the left half.
  const auto holds = [&](const Image& part) {
    for (std::int64_t y = 0; y + part.size(0) <= picture.size(0); ++y)
      for (std::int64_t x = 0; x + part.size(1) <= picture.size(1); ++x) {
        bool equal = true;
        for (std::int64_t row = 0; equal && row < part.size(0); ++row)
          equal = std::memcmp(picture.data() + ((y + row) * picture.size(1) + x) * 3,
                              part.data() + row * part.size(1) * 3, static_cast<std::size_t>(part.size(1) * 3)) == 0;
        if (equal) return true;
      }
    return false;
  };
  CHECK(holds(cat));
  CHECK(holds(heat_overlay(cat, e.heat)));
  // A long name is cut, a tiny or a narrow photo still has room for its text.
  e.name = std::string(500, 'W');
  CHECK(explanation_picture(cat, e).shape() == picture.shape());
  for (const ImageSize size : {ImageSize{1, 1}, ImageSize{3, 700}, ImageSize{32, 32}}) {
    const Image other({size.height, size.width, 3}, std::uint8_t{90});
    CHECK(explanation_picture(other, explain(small(), other)).size(1) >= 320);
  }
}

}  // namespace
}  // namespace fovea
