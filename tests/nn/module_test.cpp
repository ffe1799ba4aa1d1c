// Modules: names, visiting, loading by name, freezing, taps.
#include <algorithm>
#include <cmath>

#include <fovea/nn.h>
#include <fovea/ops/pool.h>
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

// Every layer of nn under the names that PyTorch gives its parameters.
struct Layers {
  LayerNorm<> layer{{.normalized_shape = {2, 3}}};
  LayerNorm<> layer_without_bias{{.normalized_shape = {3}, .bias = false}};
  LayerNorm<> layer_plain{{.normalized_shape = {3}, .elementwise_affine = false}};
  GroupNorm<> group{{.num_groups = 2, .num_channels = 4}};
  GroupNorm<> group_plain{{.num_groups = 2, .num_channels = 4, .affine = false}};
  Dropout<> dropout{{.p = 0.25}};
  DropPath<> drop_path{{.p = 0.25}};
  ConvTranspose2d<> up{{.in_channels = 4, .out_channels = 6, .kernel_size = {3, 2}, .stride = 2, .groups = 2}};
  ConvTranspose2d<> up_plain{{.in_channels = 4, .out_channels = 6, .bias = false}};
  static void visit(auto&& self, auto&& v) {
    v("layer", self.layer), v("layer_without_bias", self.layer_without_bias), v("layer_plain", self.layer_plain);
    v("group", self.group), v("group_plain", self.group_plain);
    v("dropout", self.dropout), v("drop_path", self.drop_path);
    v("up", self.up), v("up_plain", self.up_plain);
  }
};

TEST_CASE("norms, dropouts and transposed convolutions have PyTorch's parameters and shapes") {
  const Layers net;
  std::vector<std::string> parameters;
  for_each_tensor(net, [&](const std::string& name, const auto& t, bool is_buffer) {
    REQUIRE_FALSE(is_buffer);
    parameters.push_back(name + " " + to_text(t.shape()));
  });
  CHECK(parameters == std::vector<std::string>{"layer.weight 2x3", "layer.bias 2x3", "layer_without_bias.weight 3",
                                               "group.weight 4", "group.bias 4", "up.weight 4x3x3x2", "up.bias 6",
                                               "up_plain.weight 4x6x1x1"});
}

TEST_CASE("norm modules start at ones and zeros and pass their eps and shape to the op") {
  Layers net;
  Tensor<float> x({2, 1, 2, 4});
  for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<float>(i * i % 7);
  const auto same = [](const Tensor<float>& a, const Tensor<float>& b) {
    return a.shape() == b.shape() && std::ranges::equal(a.values(), b.values());
  };
  CHECK(same(net.group(x), group_norm(x, 2)));
  CHECK(same(net.group_plain(x), group_norm(x, 2)));
  const Tensor<float> rows({4, 2, 3}, 0.5f);
  CHECK(same(net.layer(rows), layer_norm(rows, {2, 3})));
  const GroupNorm<> wide{{.num_groups = 4, .num_channels = 4, .eps = 2}};
  CHECK(same(wide(x), group_norm(x, 4, {}, {}, 2)));
  const LayerNorm<> pixel{{.normalized_shape = {4}, .eps = 1e-6}};
  CHECK(same(pixel(x), layer_norm(x, {4}, {}, {}, 1e-6)));
  net.group.weight.mutable_values()[1] = 3;
  net.group.bias.mutable_values()[2] = 5;
  CHECK(same(net.group(x), group_norm(x, 2, net.group.weight, net.group.bias)));
}

TEST_CASE("dropout modules act inside a Training scope only") {
  const Layers net;
  const Tensor<float> x({64, 32}, 1.f);
  CHECK(net.dropout(x).id() == x.id());
  CHECK(net.drop_path(x).id() == x.id());
  Training scope(3);
  const Tensor<float> elements = net.dropout(x), samples = net.drop_path(x);
  std::int64_t zeros = 0, mixed = 0;
  for (std::int64_t n = 0; n < 64; ++n) {
    for (std::int64_t c = 0; c < 32; ++c) {
      const float v = elements.at(n, c);
      REQUIRE((v == 0 || v == 1 / 0.75f));
      zeros += v == 0;
      mixed += samples.at(n, c) != samples.at(n, 0);
    }
    REQUIRE((samples.at(n, 0) == 0 || samples.at(n, 0) == 1 / 0.75f));
  }
  CHECK(std::abs(static_cast<double>(zeros) / (64 * 32) - 0.25) < 0.05);  // 5 deviations
  CHECK(mixed == 0);                                                      // whole samples
  CHECK(std::ranges::count(samples.values(), 0.f) > 0);
  CHECK(std::ranges::count(samples.values(), 0.f) < x.numel());
}

TEST_CASE("a transposed convolution passes its options to the op and counts its products") {
  ConvTranspose2d<> up{{.in_channels = 2,
                        .out_channels = 4,
                        .kernel_size = {3, 2},
                        .stride = 2,
                        .padding = {1, 0, 1, 0},
                        .output_padding = {1, 0},
                        .groups = 2}};
  initialize(up, 4);
  for (float& v : up.bias.mutable_values()) v = 2;
  const Tensor<float> x({3, 5, 7, 2}, 0.5f);
  const Tensor<float> y = up(x), wanted = conv_transpose2d(x, up.weight, up.bias, up.options);
  CHECK(y.shape() == Shape{3, 11, 13, 4});
  CHECK(std::ranges::equal(y.values(), wanted.values()));
  CHECK(up.macs(y.shape()) == 3 * 5 * 7 * 2 * 2 * 3 * 2);  // pixels, I, O / groups, taps
  CHECK(summary(up, {3, 5, 7, 2}).macs == up.macs(y.shape()));
}

struct Norms {
  LayerNorm<> two{{.normalized_shape = {2, 3}}}, four{{.normalized_shape = {2, 1, 2, 3}}};
  GroupNorm<> group{{.num_groups = 2, .num_channels = 4}};
  LayerNorm<> plain{{.normalized_shape = {3}, .elementwise_affine = false}};
  BatchNorm2d<> batch{{.num_features = 3}};
  static void visit(auto&& self, auto&& v) {
    v("two", self.two), v("four", self.four), v("group", self.group), v("plain", self.plain), v("batch", self.batch);
  }
};

TEST_CASE("initialize leaves norms at ones and zeros, also those of two and four dimensions") {
  Norms norms;
  initialize(norms, 1);
  for_each_tensor(norms, [](const std::string& name, const auto& t, bool is_buffer) {
    if (is_buffer) return;
    INFO(name);
    for (const float v : t.values()) REQUIRE(v == (name.ends_with("weight") ? 1.f : 0.f));
  });
}

struct UpNet {
  ConvTranspose2d<> up{
      {.in_channels = 64, .out_channels = 32, .kernel_size = 4, .stride = 2, .padding = 1, .groups = 2}};
  static void visit(auto&& self, auto&& v) { v("up", self.up); }
};

TEST_CASE("initialize keeps the size of what passes a transposed convolution and a relu") {
  UpNet net;
  initialize(net, 1);
  Tensor<float> x({1, 16, 16, 64});
  fill_normal(x, Philox(2), 1);
  // Half of a normal value's square is left by relu, and the weights make up for it: mean square 1 again.
  const Tensor<float> y = net.up(relu(x));
  double squares = 0;
  for (const float v : y.values()) squares += static_cast<double>(v) * static_cast<double>(v);
  CHECK(squares / static_cast<double>(y.numel()) == Approx(1).epsilon(0.1));  // the border gets less
  for (const float v : net.up.bias.values()) REQUIRE(v == 0);
}

TEST_CASE("impossible norms, dropouts and transposed convolutions are refused with their numbers") {
  CHECK_THROWS_WITH((LayerNorm<>{{.normalized_shape = {}}}), Contains("LayerNorm: normalized_shape scalar"));
  CHECK_THROWS_WITH((LayerNorm<>{{.normalized_shape = {3, 0}}}), Contains("3x0"));
  CHECK_THROWS_WITH((LayerNorm<>{{.normalized_shape = {3}, .eps = 0}}), Contains("eps 0"));
  CHECK_THROWS_WITH((GroupNorm<>{{.num_groups = 3, .num_channels = 4}}), Contains("GroupNorm: 4 channels in 3 groups"));
  CHECK_THROWS_WITH((GroupNorm<>{{.num_channels = 4}}), Contains("in 0 groups"));
  CHECK_THROWS_WITH((Dropout<>{{.p = 1}}), Contains("Dropout: p 1"));
  CHECK_THROWS_WITH((DropPath<>{{.p = -0.1}}), Contains("DropPath: p -0.1"));
  CHECK_THROWS_WITH((ConvTranspose2d<>{{.in_channels = 3, .out_channels = 4, .groups = 2}}),
                    Contains("ConvTranspose2d: 3 input and 4 output channels in 2 groups"));
  CHECK_THROWS_WITH((ConvTranspose2d<>{{.in_channels = 1, .out_channels = 1, .stride = 0}}), Contains("stride 0x0"));
}

}  // namespace
}  // namespace fovea
