// The three methods against the same formulas in PyTorch (tests/tools/make_explain_reference.py), on demo photos:
// EfficientNet-Lite0, and ResNet-50 and MobileNetV3-small with formula weights. The references are float64's.
#include <map>
#include <set>

#include <fovea/explain.h>
#include <fovea/io/load.h>
#include <fovea/models/efficientnet_lite.h>
#include <fovea/models/mobilenet_v3.h>
#include <fovea/models/resnet.h>
#include <models/formula.h>
#include <support/catch.h>
#include <support/support.h>
#include <nlohmann/json.hpp>

namespace fovea {
namespace {
using namespace test;
using nlohmann::json;

// The weights of a case's network, and how its photos are prepared.
struct Network {
  AnyNet net;
  TensorFile weights;
  Preprocess preprocessing;
};

Network network(const json& c) {
  if (c.at("net") == "efficientnet_lite0") {
    const auto path = source_file("models/efficientnet-lite0.safetensors");
    const Classifier shipped = Classifier::load(path);
    return {shipped.net(), load_safetensors(path), shipped.preprocessing()};
  }
  AnyNet net = models::create(c.at("net").get<std::string>());
  fill_by_formula(net, c.at("gain").get<double>());
  TensorFile weights;
  weights.tensors = named_tensors(net);
  return {net, weights, Preprocess{}};
}

const Network& network_of(const json& c) {
  static std::map<std::string, Network> made;
  const auto name = c.at("net").get<std::string>();
  if (!made.contains(name)) made.emplace(name, network(c));
  return made.at(name);
}

// Calls f(net) with the case's network in float64.
template <class F>
void with_exact_net(const json& c, F&& f) {
  const auto run = [&](auto net) {
    load_into(net, network_of(c).weights);
    f(net);
  };
  if (c.at("net") == "efficientnet_lite0") return run(EfficientNetLite<double>());
  if (c.at("net") == "resnet50") return run(ResNet<double>({.depth = 50}));
  REQUIRE(c.at("net") == "mobilenet_v3_small");
  run(MobileNetV3<double>());
}

Preprocess preprocessing_of(const json& c) {
  Preprocess p = network_of(c).preprocessing;
  p.crop = c.at("size").get<int>();
  p.resize = p.crop * 8 / 7;
  return p;
}

Tensor<float> photo(const json& c) {
  const auto path = source_file("examples/photos/" + c.at("photo").get<std::string>());
  const Tensor<float> x = preprocess(load_image(path).pixels, preprocessing_of(c));
  return x.reshape({1, x.size(0), x.size(1), 3});
}
Tensor<float> black_photo(const json& c) {
  const std::int64_t size = c.at("size");
  return normalize(Tensor<std::uint8_t>({size, size, 3}), preprocessing_of(c)).reshape({1, size, size, 3});
}

// Means of block x block pixels.
template <Element T>
Tensor<T> block_means(const Tensor<T>& map, std::int64_t block) {
  const std::int64_t h = map.size(0) / block, w = map.size(1) / block;
  Tensor<T> means({h, w});
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      double sum = 0;
      for (std::int64_t i = 0; i < block * block; ++i)
        sum += static_cast<double>(map.at(y * block + i / block, x * block + i % block));
      means.mutable_data()[y * w + x] = static_cast<T>(sum / static_cast<double>(block * block));
    }
  return means;
}

// The largest difference, as a part of the largest stored value.
template <Element T>
double difference_of(const json& c, const Tensor<T>& map, const Tensor<float>& expected) {
  REQUIRE(map.shape() == expected.shape());
  double largest = 0, worst = 0;
  for (const float v : expected.values()) largest = std::max(largest, std::abs(double{v}));
  REQUIRE(largest > 0);
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    const double difference = std::abs(static_cast<double>(map.data()[i]) - double{expected.data()[i]});
    worst = difference <= worst ? worst : difference;  // NaN is the worst
  }
  std::printf("%s\n  largest difference %.1e of the largest value\n", c.dump().c_str(), worst / largest);
  return worst / largest;
}

struct Reference {
  json index = json::parse(read_text(source_file("tests/data/explain/reference.json")));
  TensorFile tensors = load_safetensors(source_file("tests/data/explain/reference.safetensors"));

  // At least one of each network.
  template <class Wanted>
  std::vector<json> cases(const char* method, Wanted&& wanted) const {
    std::vector<json> some;
    std::set<std::string> nets;
    for (const json& c : index.at("cases"))
      if (c.at("method") == method && wanted(c)) some.push_back(c), nets.insert(c.at("net"));
    REQUIRE(nets.size() == 3);
    return some;
  }
  std::vector<json> cases(const char* method, int size) const {
    return cases(method, [&](const json& c) { return c.at("size") == size; });
  }
  Tensor<float> map(const json& c) const { return tensors.at(c.at("name").get<std::string>()).as<float>(); }
};

constexpr double kTolerance = 1e-4;
constexpr double kExact = 1e-6;  // in float64: the maps are stored in float32

GradCamOptions gradcam_options(const json& c) {
  return {.index = c.at("class").get<std::int64_t>(), .layer = c.at("layer").get<std::string>()};
}
IntegratedGradientsOptions ig_options(const json& c) {
  const int steps = c.at("steps");
  return {.index = std::nullopt, .steps = steps, .max_steps = steps};
}
OcclusionOptions occlusion_options(const json& c) {
  return {.index = c.at("class").get<std::int64_t>(),
          .patch = c.at("patch").get<std::int64_t>(),
          .stride = c.at("stride").get<std::int64_t>()};
}

TEST_CASE("Grad-CAM in float32 is PyTorch's, of several layers and classes") {
  const Reference reference;
  for (const json& c : reference.cases("gradcam", 224)) {
    INFO(c.dump());
    const GradCam<float> cam = grad_cam(network_of(c).net, photo(c), gradcam_options(c));
    CHECK(cam.layer == c.at("layer").get<std::string>());
    CHECK(difference_of(c, cam.map, reference.map(c)) <= kTolerance);
  }
}

TEST_CASE("occlusion in float32 is PyTorch's") {
  const Reference reference;
  for (const json& c : reference.cases("occlusion", 224)) {
    INFO(c.dump());
    const auto o = occlusion(network_of(c).net, photo(c), occlusion_options(c));
    CHECK(difference_of(c, block_means(o.map, c.at("block")), reference.map(c)) <= kTolerance);
  }
}

// How far integrated gradients in float32 are from the exact map of a case.
double ig_difference(const Reference& reference, const json& c) {
  const auto ig = integrated_gradients(network_of(c).net, photo(c), black_photo(c), ig_options(c));
  CHECK(ig.index == c.at("class"));
  CHECK(ig.difference == Approx(c.at("difference").get<double>()).epsilon(1e-4));
  return difference_of(c, block_means(pixel_attributions(ig.attributions), c.at("block")), reference.map(c));
}

TEST_CASE("integrated gradients in float32 are PyTorch's where PyTorch's own are exact") {
  const Reference reference;
  for (const json& c : reference.cases("ig", [](const json& c) { return c.at("clean").get<bool>(); })) {
    INFO(c.dump());
    CHECK(ig_difference(reference, c) <= kTolerance);
  }
}

// Over more steps of a large photo, rounding puts some inputs of ReLUs on the other side of 0, where the gradient is
// another one. There float32 may miss the exact map by twice as much as PyTorch's own float32 does.
TEST_CASE("integrated gradients of many steps in float32 are no further off than PyTorch's") {
  const Reference reference;
  for (const json& c : reference.cases("ig", 224)) {
    INFO(c.dump());
    CHECK(ig_difference(reference, c) <= std::max(kTolerance, 2 * c.at("f32_err").get<double>()));
  }
}

TEST_CASE("in float64 all three methods are PyTorch's at every pixel") {
  const Reference reference;
  for (const json& c : reference.cases("gradcam", 64)) {
    INFO(c.dump());
    with_exact_net(c, [&](const auto& net) {
      const GradCam<double> cam = grad_cam(net, photo(c).to<double>(), gradcam_options(c));
      CHECK(difference_of(c, cam.map, reference.map(c)) <= kExact);
    });
  }
  for (const json& c : reference.cases("ig", 64)) {
    INFO(c.dump());
    with_exact_net(c, [&](const auto& net) {
      const auto ig = integrated_gradients(net, photo(c).to<double>(), black_photo(c).to<double>(), ig_options(c));
      CHECK(ig.index == c.at("class"));
      const Tensor<double> map = block_means(pixel_attributions(ig.attributions), c.at("block"));
      CHECK(difference_of(c, map, reference.map(c)) <= kExact);
    });
  }
  for (const json& c : reference.cases("occlusion", 64)) {
    INFO(c.dump());
    with_exact_net(c, [&](const auto& net) {
      const auto o = occlusion(net, photo(c).to<double>(), occlusion_options(c));
      CHECK(difference_of(c, o.map, reference.map(c)) <= kExact);
    });
  }
}

}  // namespace
}  // namespace fovea
