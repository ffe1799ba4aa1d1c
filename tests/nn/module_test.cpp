// Modules: names, visiting, loading by name, freezing, taps.
#include <fovea/nn.h>
#include <support/catch.h>

namespace fovea {
namespace {
using Catch::Contains;

struct Block {
  Conv2d<> conv{{.in_channels = 2, .out_channels = 2, .kernel_size = 3, .padding = 1}};
  BatchNorm2d<> bn{{.num_features = 2}};
  Tensor<float> operator()(const Tensor<float>& x) const { return tapped(*this, bn(conv(x))); }
  static void visit(auto&& self, auto&& v) {
    v("conv", self.conv);
    v("bn", self.bn);
  }
};

struct Net {
  Block stem;  // shares its address with the network and with stem.conv
  std::vector<Block> layer;
  std::optional<Conv2d<>> unused;
  Linear<> fc{{.in_features = 2, .out_features = 3}};
  Net() { layer.resize(2); }
  Tensor<float> operator()(const Tensor<float>& x) const {
    Tensor<float> y = stem(x);
    for (const Block& b : layer) y = b(y);
    return tapped(*this, fc(global_avg_pool(y)));
  }
  static void visit(auto&& self, auto&& v) {
    v("stem", self.stem);
    v("layer", self.layer, 1);
    v("unused", self.unused);
    v("fc", self.fc);
  }
};

std::vector<std::string> names_of(const std::vector<NamedTensor>& parameters) {
  std::vector<std::string> names;
  for (const NamedTensor& p : parameters) names.push_back(p.name);
  return names;
}

TEST_CASE("a network is visited in the order of its members: vectors numbered, empty optionals skipped") {
  const Net net;
  std::vector<std::string> parameters, buffers, modules;
  for_each_tensor(net, [&](const std::string& name, const auto&, bool is_buffer) {
    (is_buffer ? buffers : parameters).push_back(name);
  });
  for_each_module(net, [&](const std::string& name, const auto&) { modules.push_back(name); });
  CHECK(parameters == std::vector<std::string>{"stem.conv.weight", "stem.conv.bias", "stem.bn.weight", "stem.bn.bias",
                                               "layer.1.conv.weight", "layer.1.conv.bias", "layer.1.bn.weight",
                                               "layer.1.bn.bias", "layer.2.conv.weight", "layer.2.conv.bias",
                                               "layer.2.bn.weight", "layer.2.bn.bias", "fc.weight", "fc.bias"});
  CHECK(buffers == std::vector<std::string>{"stem.bn.running_mean", "stem.bn.running_var", "layer.1.bn.running_mean",
                                            "layer.1.bn.running_var", "layer.2.bn.running_mean",
                                            "layer.2.bn.running_var"});
  CHECK(modules == std::vector<std::string>{"stem", "stem.conv", "stem.bn", "layer.1", "layer.1.conv", "layer.1.bn",
                                            "layer.2", "layer.2.conv", "layer.2.bn", "fc"});
  CHECK(parameter_count(net) == 3 * (36 + 2 + 4) + 9);
}

TEST_CASE("modules start as torch has them, but with zero weights: batch norm passes its input on") {
  const BatchNorm2d<> bn{{.num_features = 3, .eps = 1e-12}};
  const Tensor<float> x({1, 1, 1, 3}, {1, -2, 3});
  const Tensor<float> y = bn(x);
  for (std::int64_t i = 0; i < 3; ++i) CHECK(y.data()[i] == Approx(x.data()[i]));
  const Conv2d<> conv{{.in_channels = 3, .out_channels = 4, .kernel_size = {3, 1}, .stride = 2, .bias = false}};
  CHECK(conv.weight.shape() == Shape{4, 3, 3, 1});
  CHECK_FALSE(conv.bias.defined());
}

TEST_CASE("a convolution passes stride, padding, dilation, groups and bias to the op") {
  Conv2d<> conv{
      {.in_channels = 2, .out_channels = 2, .kernel_size = 3, .stride = 2, .padding = 2, .dilation = 2, .groups = 2}};
  conv.weight.mutable_values()[4] = 1;    // the centre tap of channel 0
  conv.weight.mutable_values()[13] = 10;  // and of channel 1
  conv.bias.mutable_values()[1] = 5;
  Tensor<float> x({1, 4, 4, 2});
  for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<float>(i);
  const Tensor<float> y = conv(x);
  REQUIRE(y.shape() == Shape{1, 2, 2, 2});
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t w = 0; w < 2; ++w) {
      CHECK(y.at(0, h, w, 0) == x.at(0, 2 * h, 2 * w, 0));
      CHECK(y.at(0, h, w, 1) == 10 * x.at(0, 2 * h, 2 * w, 1) + 5);
    }
}

TEST_CASE("impossible layers are refused with their numbers") {
  CHECK_THROWS_WITH((Conv2d<>{{.in_channels = 3, .out_channels = 4, .groups = 2}}),
                    Contains("Conv2d: 3 input and 4 output channels in 2 groups"));
  CHECK_THROWS_WITH((Conv2d<>{{.out_channels = 4}}), Contains("Conv2d: 0 input"));
  CHECK_THROWS_WITH((Conv2d<>{{.in_channels = 1, .out_channels = 1, .stride = 0}}), Contains("stride 0x0"));
  CHECK_THROWS_WITH((Linear<>{{.in_features = 3}}), Contains("Linear: 3 input and 0 output features"));
  CHECK_THROWS_WITH((BatchNorm2d<>{{.num_features = 0}}), Contains("0 features"));
  CHECK_THROWS_WITH((BatchNorm2d<>{{.num_features = 1, .eps = 0}}), Contains("eps 0"));
}

TEST_CASE("trainable lists parameters by whole name parts, and shares their elements") {
  Net net;
  CHECK(trainable(net).size() == 14);
  CHECK(names_of(trainable(net, {"fc", "layer.2.bn"})) ==
        std::vector<std::string>{"layer.2.bn.weight", "layer.2.bn.bias", "fc.weight", "fc.bias"});
  CHECK(names_of(trainable(net, {"stem.conv.bias"})) == std::vector<std::string>{"stem.conv.bias"});
  CHECK(names_of(trainable_except(net, {"stem", "layer"})) == std::vector<std::string>{"fc.weight", "fc.bias"});
  const std::vector<NamedTensor> fc = trainable(net, {"fc"});
  CHECK(fc[0].tensor.id() == net.fc.weight.id());
  CHECK(fc[0].tensor.data() == reinterpret_cast<const std::byte*>(net.fc.weight.data()));
}

TEST_CASE("a prefix that no parameter has is an error that names the nearest") {
  const Net net;
  CHECK_THROWS_WITH(trainable(net, {"fd"}), "trainable: no parameter is named 'fd' or below it, did you mean 'fc'?");
  CHECK_THROWS_WITH(trainable_except(net, {"layer.3"}), Contains("did you mean 'layer.1'?"));
  CHECK_THROWS_WITH(trainable(net, {"lay"}), Contains("no parameter is named 'lay' or below it"));  // no whole part
  CHECK_THROWS_WITH(trainable(net, {"stem.bn.running_mean"}), Contains("no parameter is named"));   // a buffer
}

TEST_CASE("taps give what modules gave, by name; a vector's name means its last element") {
  Net net;
  for (float& v : net.fc.bias.mutable_values()) v = 7;
  net.layer[1].bn.bias.mutable_values()[0] = 3;
  const std::vector<Tensor<float>> y =
      taps(net, Tensor<float>({1, 4, 4, 2}), {"layer", "layer.1", "stem.conv", "", "stem"});
  CHECK(y[0].at(0, 0, 0, 0) == 3);
  CHECK(y[1].at(0, 0, 0, 0) == 0);
  CHECK(y[2].shape() == Shape{1, 4, 4, 2});
  CHECK(y[3].shape() == Shape{1, 3});
  CHECK(y[3].at(0, 0) == 7);
  CHECK(y[4].shape() == Shape{1, 4, 4, 2});
  CHECK_THROWS_WITH(taps(net, Tensor<float>({1, 4, 4, 2}), {"stem.cov"}),
                    "taps: no module is named 'stem.cov', did you mean 'stem.conv'?");
}

TEST_CASE("observers nest, and the innermost sees") {
  struct Counter : ModuleObserver {
    void on_output(const void*, const void*, const AnyTensor&) override { ++count; }
    int count = 0;
  };
  const Net net;
  Counter outer;
  net(Tensor<float>({1, 4, 4, 2}));
  CHECK(outer.count == 11);  // 3 blocks of three, fc, the network
  {
    Counter inner;
    net(Tensor<float>({1, 4, 4, 2}));
    CHECK(inner.count == 11);
  }
  CHECK(outer.count == 11);
  net(Tensor<float>({1, 4, 4, 2}));
  CHECK(outer.count == 22);
}

}  // namespace
}  // namespace fovea
