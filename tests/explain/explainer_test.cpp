// explain(): the net that ships on demo photos, by each method; what it refuses; several threads; the picture.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
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
  CHECK(best.layer == "_head_activation");
  CHECK(best.width == 451);
  CHECK(best.height == 300);
  CHECK(best.heat.shape() == Shape{300, 451, 1});
  const Explanation named = explain(shipped(), cat, {.index = answer.top[2].index, .layer = "_blocks"});
  CHECK(named.index == answer.top[2].index);
  CHECK(named.probability == answer.top[2].probability);
  CHECK(named.layer == "_blocks.15");
  CHECK_FALSE(same(named.heat, best.heat));
}

// The mean heat in `part` over the mean heat in the rest of what the network saw, `seen`; both in the photo's pixels.
double contrast(const Tensor<std::uint8_t>& heat, ImageSize photo, const PhotoBox& part, const PhotoBox& seen) {
  const auto holds = [](const PhotoBox& b, double x, double y) {
    return x >= b.left && x < b.right && y >= b.top && y < b.bottom;
  };
  double sum[2] = {}, pixels[2] = {};
  for (std::int64_t i = 0; i < heat.numel(); ++i) {
    const double x = (static_cast<double>(i % heat.size(1)) + 0.5) / static_cast<double>(heat.size(1)) *
                     static_cast<double>(photo.width);
    const double y = (static_cast<double>(i / heat.size(1)) + 0.5) / static_cast<double>(heat.size(0)) *
                     static_cast<double>(photo.height);
    if (!holds(seen, x, y)) continue;
    const std::size_t side = holds(part, x, y) ? 1 : 0;
    sum[side] += heat.data()[i], pixels[side] += 1;
  }
  return (sum[1] / pixels[1]) / (sum[0] / pixels[0]);
}

// The first `columns` of a photo.
Image left_part(const Image& whole, std::int64_t columns) {
  Image part({whole.size(0), columns, 3}, uninitialized);
  for (std::int64_t y = 0; y < whole.size(0); ++y)
    std::copy_n(whole.data() + y * whole.size(1) * 3, columns * 3, part.mutable_data() + y * columns * 3);
  return part;
}

TEST_CASE("each method finds the cup where the cup is") {
  // Of coffee.png, 600 x 400, the left 500 columns: there the cup is right of the middle and above it.
  constexpr ImageSize kSize = {500, 400};
  const Image table = left_part(photo("coffee.png"), kSize.width);
  const PhotoBox cup = {172, 18, 410, 285}, seen = input_box(kSize, shipped().preprocessing());
  const auto of_cup = [&](const Tensor<std::uint8_t>& heat) { return contrast(heat, kSize, cup, seen); };
  // What a map must reach, and no map that is wrong.
  const std::pair<const char*, double> wanted[] = {{"gradcam", 2.4}, {"ig", 1.7}, {"occlusion", 1.7}};
  for (const auto& [method, ratio] : wanted) {
    CAPTURE(method);
    const Explanation e = explain(shipped(), table, {.method = method, .max_steps = 16});
    CHECK(e.name == "espresso");
    REQUIRE(e.heat.shape() == Shape{400, 500, 1});
    CHECK(of_cup(e.heat) > ratio);
    Tensor<std::uint8_t> inverted(e.heat.shape()), mirrored(e.heat.shape()), upside_down(e.heat.shape());
    for (std::int64_t i = 0, w = kSize.width, h = kSize.height; i < w * h; ++i) {
      inverted.mutable_data()[i] = static_cast<std::uint8_t>(255 - e.heat.data()[i]);
      mirrored.mutable_data()[i] = e.heat.at(i / w, w - 1 - i % w, 0);
      upside_down.mutable_data()[i] = e.heat.at(h - 1 - i / w, i % w, 0);
    }
    INFO("contrast " << of_cup(e.heat));
    CHECK(of_cup(inverted) < ratio);
    CHECK(of_cup(mirrored) < ratio);
    CHECK(of_cup(upside_down) < ratio);
    CHECK(of_cup(Tensor<std::uint8_t>(e.heat.shape(), std::uint8_t{100})) == Approx(1));
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

TEST_CASE("an explanation ends at the step at which it is stopped, and says how far it is") {
  for (const char* method : {"ig", "occlusion"}) {
    CAPTURE(method);
    std::atomic<bool> stop = false;
    std::vector<std::int64_t> seen;
    std::int64_t planned = 0;
    const auto after = [&](std::int64_t done, std::int64_t of) {
      seen.push_back(done), planned = of;
      if (seen.size() == 2) stop = true;
    };
    CHECK(error_of(small(), photo("coffee.png"), {.method = method, .stop = &stop, .progress = after}) ==
          "explain: stopped");
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] < seen[1]);
    CHECK(seen[1] < planned);
  }
}

TEST_CASE("the progress of integrated gradients counts the steps of all doublings") {
  std::vector<std::int64_t> done, planned;
  const auto after = [&](std::int64_t d, std::int64_t p) { done.push_back(d), planned.push_back(p); };
  const Explanation e = explain(small(), photo("rocket.jpg"), {.method = "ig", .max_steps = 1024, .progress = after});
  REQUIRE(done.size() == static_cast<std::size_t>(2 * e.steps - 64));
  for (std::size_t i = 0; i < done.size(); ++i) CHECK(done[i] == static_cast<std::int64_t>(i) + 1);
  CHECK(planned.front() == 64);
  CHECK(planned.back() == done.back());
  CHECK(std::is_sorted(planned.begin(), planned.end()));
}

TEST_CASE("a network whose logits are not finite is bad data by every method, and no step is done") {
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    TensorFile file;
    file.path = "wrong.safetensors";
    file.tensors = small_net_tensors();
    for (auto& [name, t] : file.tensors)
      if (name == "fc.bias" || name == "linear.bias") {
        Tensor<float> bias = t.as<float>().clone();
        bias.mutable_data()[3] = wrong;
        t = bias;
      }
    file.metadata = kSmallNetMetadata;
    const Classifier broken(std::move(file));
    for (const char* method : {"gradcam", "ig", "occlusion"}) {
      CAPTURE(method, wrong);
      int steps = 0;
      const auto count = [&](std::int64_t, std::int64_t) { ++steps; };
      try {
        explain(broken, photo("coffee.png"), {.method = method, .progress = count});
        FAIL("explained");
      } catch (const Error& e) {
        CHECK(e.code() == Code::bad_data);
        CHECK(std::string(e.what()).find("the logit of class 3 is ") != std::string::npos);
      }
      CHECK(steps == 0);
    }
  }
}

TEST_CASE("no method explains where a tape lives") {
  const Tape tape;
  for (const char* method : {"gradcam", "ig", "occlusion"}) {
    CAPTURE(method);
    CHECK(error_of(small(), photo("coffee.png"), {.method = method}).find("explain: a tape lives on this thread") == 0);
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
  gives({.layer = "nonsense"}, "no module is named 'nonsense'; known are conv1, bn1, layer1, layer2, layer3, ");
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
  // The photo stands there as it is in the left half, and under its heat in the right one.
  const std::int64_t middle = picture.size(1) / 2;
  const auto holds = [&](const Image& part, std::int64_t from, std::int64_t to) {
    for (std::int64_t y = 0; y + part.size(0) <= picture.size(0); ++y)
      for (std::int64_t x = from; x + part.size(1) <= to; ++x) {
        bool equal = true;
        for (std::int64_t row = 0; equal && row < part.size(0); ++row)
          equal = std::memcmp(picture.data() + ((y + row) * picture.size(1) + x) * 3,
                              part.data() + row * part.size(1) * 3, static_cast<std::size_t>(part.size(1) * 3)) == 0;
        if (equal) return true;
      }
    return false;
  };
  CHECK(holds(cat, 0, middle));
  CHECK(holds(heat_overlay(cat, e.heat), middle, picture.size(1)));
  // The class and its probability are written above the photo, and nowhere else.
  const auto changed_rows = [&](const Explanation& other) {
    const Image drawn = explanation_picture(cat, other);
    REQUIRE(drawn.shape() == picture.shape());
    std::vector<std::int64_t> rows;
    for (std::int64_t y = 0, bytes = picture.size(1) * 3; y < picture.size(0); ++y)
      if (std::memcmp(drawn.data() + y * bytes, picture.data() + y * bytes, static_cast<std::size_t>(bytes)) != 0)
        rows.push_back(y);
    return rows;
  };
  Explanation named = e, likely = e;
  named.name = "lynx";
  likely.probability = e.probability > 0.5f ? 0.1f : 0.9f;
  for (const std::vector<std::int64_t>& rows : {changed_rows(named), changed_rows(likely)}) {
    REQUIRE_FALSE(rows.empty());
    CHECK(rows.back() < picture.size(0) - 300 - 20);
  }
  // The legend goes from the colour of no heat to that of the most, in one row below the photos.
  const auto column_of = [&](std::uint8_t heat) {
    for (std::int64_t y = picture.size(0) - 20; y < picture.size(0); ++y)
      for (std::int64_t x = 0; x < picture.size(1); ++x)
        if (std::memcmp(picture.data() + (y * picture.size(1) + x) * 3, heat_color(heat).data(), 3) == 0) return x;
    return std::int64_t{-1};
  };
  CHECK(column_of(0) > middle);
  CHECK(column_of(128) > column_of(0));
  CHECK(column_of(255) > column_of(128));
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
