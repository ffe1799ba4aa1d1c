// Published weights against the logits that PyTorch gives with them, from the stored input tensors and from the stored
// 8-bit crops; and each known mistake (padding, eps, normalisation, channel order, stride), which must show.
#include <array>
#include <functional>

#include <fovea/io/load.h>
#include <fovea/io/weights.h>
#include <fovea/models/create.h>
#include <fovea/models/resnet.h>
#include <fovea/models/resnet_cifar.h>
#include <fovea/nn/taps.h>
#include <models/compare.h>
#include <support/catch.h>
#include <support/expand.h>
#include <support/support.h>
#include <nlohmann/json.hpp>

namespace fovea {
namespace {
using namespace test;

using Channels = std::array<double, 3>;
constexpr Channels kImageNetMean = {0.485, 0.456, 0.406}, kImageNetStd = {0.229, 0.224, 0.225};

// N H W 3 u8 -> (x / 255 - mean) / std.
Tensor<float> normalize(const Tensor<std::uint8_t>& photos, const Channels& mean, const Channels& std) {
  Tensor<float> x(photos.shape());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto c = static_cast<std::size_t>(i % 3);
    x.mutable_data()[i] = static_cast<float>((photos.data()[i] / 255.0 - mean[c]) / std[c]);
  }
  return x;
}

struct Pretrained {
  const char* reference;  // weights/reference/NAME.safetensors
  const char* weights;    // below weights/
  const char* model;
  models::Options options;
};
const Pretrained kLite0 = {"efficientnet-lite0", "efficientnet-lite0.pth", "efficientnet_lite0", {}};
const Pretrained kResNet50 = {"resnet50-pq", "resnet50-pq.safetensors", "resnet50", {}};
const Pretrained kResNet18 = {"resnet18-pq", "resnet18-pq.safetensors", "resnet18", {}};
const Pretrained kMobileNetV2 = {
    "mobilenet_v2-int8-dequantised", "mobilenet_v2-int8.safetensors", "mobilenet_v2", {{"padding", "same"}}};

TensorFile dense_weights(const Pretrained& p) {
  const std::filesystem::path path = shared_data(std::string("weights/") + p.weights);
  return path.extension() == ".safetensors" ? expand(path) : state_dict(load_weights(path));
}

TensorFile reference(const std::string& name) {
  return load_safetensors(shared_data("weights/reference/" + name + ".safetensors"));
}

Channels channels(const TensorFile& file, const char* key) {
  return nlohmann::json::parse(*file.find_metadata(key)).get<Channels>();
}

AnyNet load(const Pretrained& p, const models::Options& changed = {}) {
  models::Options options = changed;
  options.insert(p.options.begin(), p.options.end());
  AnyNet net = models::create(p.model, options);
  load_into(net, dense_weights(p));
  return net;
}

// The 8 val and 8 demo photos that crops-u8 holds, from the rows of the reference that belong to them.
Tensor<float> logits_of_crops(const TensorFile& expected) {
  Tensor<float> rows({16, 1000});
  const Tensor<float> val = expected.at("val_logits").as<float>(), demo = expected.at("demo_logits").as<float>();
  std::copy_n(val.data(), 8000, rows.mutable_data());
  std::copy_n(demo.data(), 8000, rows.mutable_data() + 8000);
  return rows;
}

// One run on the stored input: every stage of the reference, and the logits.
void check_stored_input(const AnyNet& net, const TensorFile& expected) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : expected.tensors)
    if (name.starts_with("stage_mean.") && name != "stage_mean.maxpool") names.push_back(name.substr(11));
  names.push_back("");
  const std::vector<Tensor<float>> outputs = taps(net, to_nhwc(expected.at("input").as<float>()), names);
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    INFO("stage " << names[i]);
    const Tensor<float> mean = expected.at("stage_mean." + names[i]).as<float>();
    CHECK(max_difference(spatial_mean(outputs[i]), mean) <= 1e-3 * std::max(1.0, spread(mean)));
  }
  check_logits(net.name() + ", stored input", outputs.back(), expected.at("input_logits").as<float>());
}

TEST_CASE("pretrained ImageNet networks give the logits of PyTorch from stored inputs and from stored crops") {
  if (!needs("data")) return;
  const Tensor<std::uint8_t> crops = reference("crops-u8").at("crops").as<std::uint8_t>();
  for (const Pretrained& p : {kLite0, kResNet50, kResNet18, kMobileNetV2}) {
    CAPTURE(p.reference);
    const TensorFile expected = reference(p.reference);
    const AnyNet net = load(p);
    check_stored_input(net, expected);
    const Tensor<float> photos = normalize(crops, channels(expected, "mean"), channels(expected, "std"));
    check_logits(net.name() + ", stored crops", net(photos), logits_of_crops(expected));
  }
}

TEST_CASE("the published preprocessing of an architecture is the one its references were made with") {
  if (!needs("data")) return;
  for (const Pretrained& p : {kLite0, kResNet50, kResNet18}) {
    CAPTURE(p.reference);
    const TensorFile expected = reference(p.reference);
    const models::Published& published = models::architecture(p.model).published;
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(published.mean[c] == Approx(channels(expected, "mean")[c]).epsilon(1e-7));
      CHECK(published.std[c] == Approx(channels(expected, "std")[c]).epsilon(1e-7));
    }
    CHECK(published.resize == 256);
    CHECK(published.crop == 224);
    CHECK(std::string(published.interpolation) == "bilinear");
  }
}

// --- the traps: falling into one moves the logits of a photo by more than the tolerance
// ---------------------------

// Difference of the first stored crop's logits from the reference, in units of what check_logits allows. A trap must be
// seen beyond doubt: above kSeen.
constexpr double kSeen = 2;
double trap_difference(const Pretrained& p, const AnyNet& net, const Tensor<float>& photo) {
  const Tensor<float> expected = reference(p.reference).at("val_logits").as<float>().view(0, 1);
  return max_difference(net(photo), expected) / (1e-3 * std::max(1.0, spread(expected)));
}
Tensor<std::uint8_t> first_crop() { return reference("crops-u8").at("crops").as<std::uint8_t>().view(0, 1); }
Tensor<float> right_photo(const Pretrained& p) {
  const TensorFile file = reference(p.reference);
  return normalize(first_crop(), channels(file, "mean"), channels(file, "std"));
}

TEST_CASE("symmetric padding is not TensorFlow's: it changes the logits of TensorFlow's networks") {
  if (!needs("data")) return;
  for (const Pretrained& p : {kLite0, kMobileNetV2}) {
    CAPTURE(p.reference);
    CHECK(trap_difference(p, load(p), right_photo(p)) <= 1);
    Pretrained symmetric = p;
    symmetric.options["padding"] = "symmetric";
    CHECK(trap_difference(p, load(symmetric), right_photo(p)) > kSeen);
  }
}

TEST_CASE("each network has its own batch-norm eps: another one changes the logits") {
  if (!needs("data")) return;
  CHECK(trap_difference(kLite0, load(kLite0, {{"eps", "1e-5"}}), right_photo(kLite0)) > kSeen);
  CHECK(trap_difference(kResNet18, load(kResNet18, {{"eps", "1e-3"}}), right_photo(kResNet18)) > kSeen);
  CHECK(trap_difference(kMobileNetV2, load(kMobileNetV2, {{"eps", "1e-3"}}), right_photo(kMobileNetV2)) > kSeen);
}

TEST_CASE("EfficientNet-Lite0 wants (u8 - 127) / 128 in RGB order, not ImageNet's mean and std, and not BGR") {
  if (!needs("data")) return;
  const AnyNet net = load(kLite0);
  const Tensor<float> right = right_photo(kLite0);
  for (std::int64_t i = 0; i < 100; ++i)
    CHECK(right.data()[i] == Approx((first_crop().data()[i] - 127) / 128.0).margin(1e-6));
  CHECK(trap_difference(kLite0, net, normalize(first_crop(), kImageNetMean, kImageNetStd)) > kSeen);
  Tensor<float> bgr = right.clone();
  for (std::int64_t i = 0; i < bgr.numel(); i += 3) std::swap(bgr.mutable_data()[i], bgr.mutable_data()[i + 2]);
  CHECK(trap_difference(kLite0, net, bgr) > kSeen);
}

TEST_CASE("MobileNetV2 from TensorFlow wants mean 127/255 and std 0.5, not a mean of 0.5") {
  if (!needs("data")) return;
  const Channels half = {0.5, 0.5, 0.5};
  CHECK(trap_difference(kMobileNetV2, load(kMobileNetV2), normalize(first_crop(), half, half)) > kSeen);
}

TEST_CASE("a bottleneck has its stride on the 3x3 convolution: on the first 1x1 the logits are others") {
  if (!needs("data")) return;
  ResNet<> net({.depth = 50});
  load_into(net, dense_weights(kResNet50));
  const Tensor<float> photo = right_photo(kResNet50);
  const Tensor<float> expected = reference("resnet50-pq").at("val_logits").as<float>().view(0, 1);
  check_logits("resnet50, stride on the 3x3", net(photo), expected);
  for (auto* layer : {&net.layer2, &net.layer3, &net.layer4}) {
    CHECK(layer->front().conv2.options.stride == Size2(2));
    std::swap(layer->front().conv1.options.stride, layer->front().conv2.options.stride);
  }
  CHECK(max_difference(net(photo), expected) > 1e-2 * std::max(1.0, spread(expected)));
}

TEST_CASE("the background class of the int8 file is dropped: 1,000 classes remain, each in its place") {
  if (!needs("data")) return;
  const TensorFile dense = dense_weights(kMobileNetV2);
  CHECK(dense.at("classifier.1.weight").shape() == Shape{1000, 1280});
  CHECK(dense.at("classifier.1.bias").shape() == Shape{1000});
  const TensorFile int8 = load_safetensors(shared_data("weights/mobilenet_v2-int8.safetensors"));
  CHECK(int8.at("classifier.1.weight").shape()[0] == 1001);
}

// --- CIFAR-10
// ---------------------------------------------------------------------------------------------------------

struct Cifar {
  const char* reference;
  const char* weights;
  const char* model;
};

AnyNet load_cifar(const Cifar& c) {
  AnyNet net = models::create(c.model);
  load_into(net, state_dict(load_weights(shared_data(std::string("weights/cifar10/") + c.weights))));
  return net;
}

TEST_CASE("CIFAR networks give the logits of PyTorch from .th and zip files alike") {
  if (!needs("data")) return;
  for (const Cifar& c : {Cifar{"cifar10-resnet20", "resnet20.th", "resnet20"},
                         {"cifar10-resnet56", "resnet56.th", "resnet56"},
                         {"cifar10-resnet20", "resnet20-zip.pth", "resnet20"}}) {
    CAPTURE(c.weights);
    const TensorFile expected = reference(c.reference);
    const models::Published& published = models::architecture(c.model).published;
    const Tensor<float> photos =
        normalize(expected.at("demo_u8_32x32").as<std::uint8_t>(), published.mean, published.std);
    check_logits(std::string(c.weights) + ", demo photos", load_cifar(c)(photos),
                 expected.at("demo_logits").as<float>());
    CHECK(published.resize == 32);
    CHECK(published.crop == 32);
  }
}

TEST_CASE("CIFAR networks were trained with ImageNet's mean and std: CIFAR's own change the logits") {
  if (!needs("data")) return;
  const TensorFile expected = reference("cifar10-resnet20");
  const Tensor<float> photos =
      normalize(expected.at("demo_u8_32x32").as<std::uint8_t>(), {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616});
  const Tensor<float> logits = load_cifar({"cifar10-resnet20", "resnet20.th", "resnet20"})(photos);
  const Tensor<float> right = expected.at("demo_logits").as<float>();
  CHECK(max_difference(logits, right) > 1e-2 * std::max(1.0, spread(right)));
}

TEST_CASE("shortcut option A takes every second pixel and adds zero channels in front and behind") {
  Tensor<float> x({1, 3, 3, 2});
  for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<float>(i - 9);
  const Tensor<float> y = shortcut_option_a(x, 6);
  REQUIRE(y.shape() == Shape{1, 2, 2, 6});
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t w = 0; w < 2; ++w)
      for (std::int64_t c = 0; c < 6; ++c)
        CHECK(y.at(0, h, w, c) == (c == 2 || c == 3 ? x.at(0, 2 * h, 2 * w, c - 2) : 0.0f));
}

}  // namespace
}  // namespace fovea
