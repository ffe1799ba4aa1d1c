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
Tensor<float> block_means(const Tensor<float>& map, std::int64_t block) {
  const std::int64_t h = map.size(0) / block, w = map.size(1) / block;
  Tensor<float> means({h, w});
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      double sum = 0;
      for (std::int64_t i = 0; i < block * block; ++i) sum += map.at(y * block + i / block, x * block + i % block);
      means.mutable_data()[y * w + x] = static_cast<float>(sum / static_cast<double>(block * block));
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
  std::vector<json> cases(const char* method, int size) const {
    std::vector<json> some;
    std::set<std::string> nets;
    for (const json& c : index.at("cases"))
      if (c.at("method") == method && c.at("size") == size) some.push_back(c), nets.insert(c.at("net"));
    REQUIRE(nets.size() == 3);
    return some;
  }
  Tensor<float> map(const json& c) const { return tensors.at(c.at("name").get<std::string>()).as<float>(); }
  std::int64_t block() const { return index.at("block"); }
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
    CHECK(difference_of(c, block_means(o.map, reference.block()), reference.map(c)) <= kTolerance);
  }
}

// Rounding puts some inputs of ReLUs on the other side of 0, where the gradient is another one. So float32 is not held
// to kTolerance where PyTorch's own float32 misses it: there it may miss the exact map by twice as much as PyTorch
// does.
TEST_CASE("integrated gradients in float32 are PyTorch's, as far as PyTorch's own are exact") {
  const Reference reference;
  int within = 0;
  for (const json& c : reference.cases("ig", 224)) {
    INFO(c.dump());
    const auto ig = integrated_gradients(network_of(c).net, photo(c), black_photo(c), ig_options(c));
    CHECK(ig.index == c.at("class"));
    const double difference = c.at("difference"), float_error = c.at("f32_err");
    CHECK(ig.difference == Approx(difference).epsilon(1e-4));
    const Tensor<float> map = pixel_attributions(ig.attributions);
    const double off = difference_of(c, block_means(map, reference.block()), reference.map(c));
    CHECK(off <= std::max(kTolerance, 2 * float_error));
    within += off <= kTolerance ? 1 : 0;
  }
  CHECK(within >= 1);
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
      CHECK(difference_of(c, pixel_attributions(ig.attributions), reference.map(c)) <= kExact);
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
