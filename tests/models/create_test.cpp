// Networks by name: names, options, messages, sizes.
#include <fovea/models.h>
#include <models/formula.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using namespace test;
using Catch::Contains;

std::string message_of(auto&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST_CASE("an unknown model suggests the nearest name, or lists all where none is near") {
  CHECK(message_of([] { models::create("resnet5O"); }) == "unknown model 'resnet5O', did you mean 'resnet50'?");
  CHECK(message_of([] { models::create("efficientnet-lite0"); }) ==
        "unknown model 'efficientnet-lite0', did you mean 'efficientnet_lite0'?");
  const std::string unknown = message_of([] { models::create("vgg"); });
  CHECK_THAT(unknown, Contains("unknown model 'vgg'; known are resnet18, resnet34, "));
  for (const std::string& name : models::names()) CHECK_THAT(unknown, Contains(name));
}

TEST_CASE("an unknown option or value suggests the nearest") {
  CHECK(message_of([] {
          models::create("resnet18", {{"pading", "same"}});
        }) == "model resnet18: unknown option 'pading', did you mean 'padding'?");
  CHECK(message_of([] {
          models::create("resnet18", {{"padding", "sane"}});
        }) == "model resnet18: option padding is 'sane', did you mean 'same'?");
  CHECK_THAT(message_of([] {
               models::create("resnet18", {{"num_classes", "0"}});
             }),
             Contains("option num_classes is '0', wanted is a whole number from 1 to 65536"));
  CHECK_THAT(message_of([] { models::create("resnet18", {{"num_classes", "10x"}}); }), Contains("is '10x'"));
  CHECK_THAT(message_of([] {
               models::create("resnet18", {{"num_classes", "99999999999999999999"}});
             }),
             Contains("is '99999999999999999999'"));
  for (const char* eps : {"0", "-1e-5", "nan", "inf", "1e-3 ", ""})
    CHECK_THAT(message_of([&] {
                 models::create("resnet18", {{"eps", eps}});
               }),
               Contains("wanted is a positive number"));
}

TEST_CASE("a network knows its name and all its options, and they make the same network again") {
  const AnyNet net = models::create("mobilenet_v2", {{"padding", "same"}, {"num_classes", "7"}});
  CHECK(net.name() == "mobilenet_v2");
  CHECK(net.options() == models::Options{{"eps", "1e-5"}, {"num_classes", "7"}, {"padding", "same"}});
  CHECK(models::create(net.name(), net.options()).options() == net.options());
  CHECK(net(Tensor<float>({1, 32, 32, 3})).shape() == Shape{1, 7});
}

TEST_CASE("options reach the network: padding and eps change its logits, defaults are the published ones") {
  const auto logits = [](const char* name, const models::Options& options) {
    AnyNet net = models::create(name, options);
    fill_by_formula(net, 1.0);
    return net(formula_input(1, 64, 64));
  };
  for (const char* name : {"resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "efficientnet_lite0"}) {
    CAPTURE(name);
    const models::Options published = models::create(name).options();
    const Tensor<float> y = logits(name, {});
    const auto same = [&](const models::Options& o) {
      const Tensor<float> z = logits(name, o);
      return std::equal(y.values().begin(), y.values().end(), z.values().begin());
    };
    CHECK(same(published));
    CHECK_FALSE(same({{"padding", published.at("padding") == "same" ? "symmetric" : "same"}}));
    CHECK_FALSE(same({{"eps", published.at("eps") == "1e-3" ? "1e-5" : "1e-3"}}));
  }
  CHECK(models::create("mobilenet_v3_large").options().at("eps") == "1e-3");
  CHECK(models::create("efficientnet_lite0").options().at("padding") == "same");
}

// How every architecture pads under the rule "same": each convolution with a kernel above 1x1 must have got it.
TEST_CASE("one padding option reaches every convolution of an architecture") {
  const auto all_same = [](const auto& net) {
    int convolutions = 0;
    for_each_module(net, [&]<class M>(const std::string& name, const M& module) {
      if constexpr (std::is_same_v<M, Conv2d<float>>) {
        if (module.weight.size(2) == 1) return;
        CAPTURE(name);
        CHECK(module.options.padding == Padding::same());
        ++convolutions;
      }
    });
    CHECK(convolutions > 0);
  };
  all_same(ResNet<>({.depth = 50, .padding = PaddingRule::same}));
  all_same(ResNetCifar<>({.depth = 20, .padding = PaddingRule::same}));
  all_same(MobileNetV2<>({.padding = PaddingRule::same}));
  all_same(MobileNetV3<>({.size = MobileNetV3Size::large, .padding = PaddingRule::same}));
  all_same(EfficientNet<>({.padding = PaddingRule::same}));
  all_same(EfficientNetLite<>({.padding = PaddingRule::same}));
  CHECK(ResNet<>({.depth = 18, .padding = PaddingRule::same}).maxpool.padding == Padding::same());
}

TEST_CASE("every architecture has the published number of parameters") {
  const std::pair<const char*, std::int64_t> published[] = {{"resnet18", 11'689'512},
                                                            {"resnet34", 21'797'672},
                                                            {"resnet50", 25'557'032},
                                                            {"resnet101", 44'549'160},
                                                            {"resnet152", 60'192'808},
                                                            {"resnet20", 269'722},
                                                            {"resnet32", 464'154},
                                                            {"resnet44", 658'586},
                                                            {"resnet56", 853'018},
                                                            {"resnet110", 1'727'962},
                                                            {"mobilenet_v2", 3'504'872},
                                                            {"mobilenet_v3_small", 2'542'856},
                                                            {"mobilenet_v3_large", 5'483'032},
                                                            {"efficientnet_b0", 5'288'548},
                                                            {"efficientnet_lite0", 4'652'008}};
  CHECK(std::size(published) == models::names().size());
  for (const auto& [name, count] : published) {
    CAPTURE(name);
    CHECK(parameter_count(models::create(name)) == count);
  }
}

TEST_CASE("a copy of a network shares its weights, and a double network is a network too") {
  AnyNet net = models::create("resnet20");
  const AnyNet copy = net;
  fill_by_formula(net, 1.0);
  const Tensor<float> x = formula_input(1, 32, 32);
  const Tensor<float> z = net(x), of_copy = copy(x);
  CHECK(std::equal(z.values().begin(), z.values().end(), of_copy.values().begin()));

  ResNetCifar<double> precise({.depth = 20});
  fill_by_formula(precise, 1.0);
  const Tensor<double> y = precise(x.to<double>());
  for (std::int64_t i = 0; i < y.numel(); ++i) CHECK(z.data()[i] == Approx(y.data()[i]).epsilon(1e-4).margin(1e-4));
}

TEST_CASE("impossible depths and inputs are errors that say what is wrong") {
  CHECK_THAT(message_of([] { ResNet<>({.depth = 51}); }), Contains("depth 51 is none of 18, 34, 50, 101, 152"));
  CHECK_THAT(message_of([] { ResNetCifar<>({.depth = 21}); }), Contains("depth 21 is not 6 n + 2"));
  CHECK_THAT(message_of([] { models::create("resnet18")(Tensor<float>({1, 32, 32, 4})); }), Contains("4 channels"));
}

}  // namespace
}  // namespace fovea
