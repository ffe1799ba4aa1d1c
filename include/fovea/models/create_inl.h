// The architectures that models::create knows: how each is made, its options and its published preprocessing. Layer
// models; read create.h first. Under FOVEA_COMPILED only src/models.cpp includes it.
#pragma once

#include <vector>

#include <fovea/models/create.h>
#include <fovea/models/efficientnet.h>
#include <fovea/models/efficientnet_lite.h>
#include <fovea/models/mobilenet_v2.h>
#include <fovea/models/mobilenet_v3.h>
#include <fovea/models/resnet.h>
#include <fovea/models/resnet_cifar.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
inline std::vector<models::OptionSpec> common_options(const char* num_classes, const char* padding, const char* eps) {
  return {{"num_classes", num_classes, models::OptionKind::count, {}, "outputs of the last layer"},
          {"padding", padding, models::OptionKind::choice, {"symmetric", "same"}, "PyTorch's or TensorFlow's padding"},
          {"eps", eps, models::OptionKind::positive, {}, "added to the variance in batch norm"}};
}

// Sets the fields that all option structs share.
template <class NetOptions>
NetOptions read_options(const models::Options& o, NetOptions options = {}) {
  options.num_classes = parse_number<std::int64_t>(o.at("num_classes"), 0);
  options.padding = o.at("padding") == "same" ? PaddingRule::same : PaddingRule::symmetric;
  options.eps = parse_number<double>(o.at("eps"), 0);
  return options;
}

template <class Net, class NetOptions>
AnyNet make_net(const models::Architecture& a, const models::Options& o, const NetOptions& published) {
  return AnyNet(a.name, o, a.published, Net(read_options(o, published)));
}

template <int depth>
models::Architecture resnet_row() {
  return {to_text("resnet", depth),
          common_options("1000", "symmetric", "1e-5"),
          {},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<ResNet<float>>(a, o, ResNetOptions{.depth = depth});
          }};
}
template <int depth>
models::Architecture resnet_cifar_row() {
  return {to_text("resnet", depth),
          common_options("10", "symmetric", "1e-5"),
          {.resize = 32, .crop = 32},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<ResNetCifar<float>>(a, o, ResNetCifarOptions{.depth = depth});
          }};
}
template <MobileNetV3Size size>
models::Architecture mobilenet_v3_row() {
  return {size == MobileNetV3Size::small ? "mobilenet_v3_small" : "mobilenet_v3_large",
          common_options("1000", "symmetric", "1e-3"),
          {},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<MobileNetV3<float>>(a, o, MobileNetV3Options{.size = size});
          }};
}
inline models::Architecture mobilenet_v2_row() {
  return {"mobilenet_v2",
          common_options("1000", "symmetric", "1e-5"),
          {},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<MobileNetV2<float>>(a, o, MobileNetV2Options{});
          }};
}
inline models::Architecture efficientnet_b0_row() {
  return {"efficientnet_b0",
          common_options("1000", "symmetric", "1e-5"),
          {.interpolation = "bicubic"},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<EfficientNet<float>>(a, o, EfficientNetOptions{});
          }};
}
inline models::Architecture efficientnet_lite0_row() {
  constexpr double kMean = 127.0 / 255, kStd = 128.0 / 255;  // (u8 - 127) / 128, not ImageNet's statistics
  return {"efficientnet_lite0",
          common_options("1000", "same", "1e-3"),
          {.mean = {kMean, kMean, kMean}, .std = {kStd, kStd, kStd}},
          [](const models::Architecture& a, const models::Options& o) {
            return make_net<EfficientNetLite<float>>(a, o, EfficientNetLiteOptions{});
          }};
}
}  // namespace detail

namespace models {
template <class>
const std::vector<Architecture>& architectures() {
  using namespace fovea::detail;
  static const std::vector<Architecture> all = {resnet_row<18>(),
                                                resnet_row<34>(),
                                                resnet_row<50>(),
                                                resnet_row<101>(),
                                                resnet_row<152>(),
                                                resnet_cifar_row<20>(),
                                                resnet_cifar_row<32>(),
                                                resnet_cifar_row<44>(),
                                                resnet_cifar_row<56>(),
                                                resnet_cifar_row<110>(),
                                                mobilenet_v2_row(),
                                                mobilenet_v3_row<MobileNetV3Size::small>(),
                                                mobilenet_v3_row<MobileNetV3Size::large>(),
                                                efficientnet_b0_row(),
                                                efficientnet_lite0_row()};
  return all;
}
}  // namespace models

}  // namespace fovea::inline FOVEA_ABI
