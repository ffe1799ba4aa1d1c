// The summary of a small network, letter by letter, and the totals of published ones.
#include <cmath>
#include <sstream>

#include <fovea/models/create.h>
#include <fovea/nn.h>
#include <support/catch.h>

namespace fovea {
namespace {

struct Block {
  Conv2d<> conv{{.in_channels = 8, .out_channels = 8, .kernel_size = 3, .padding = 1, .groups = 8, .bias = false}};
  BatchNorm2d<> bn{{.num_features = 8}};
  Tensor<float> operator()(const Tensor<float>& x) const { return tapped(*this, relu(bn(conv(x)))); }
  static void visit(auto&& self, auto&& v) {
    v("conv", self.conv);
    v("bn", self.bn);
  }
};

struct TinyNet {
  Conv2d<> conv1{{.in_channels = 3, .out_channels = 8, .kernel_size = 3, .stride = 2, .padding = 1}};
  std::vector<Block> layer1 = std::vector<Block>(2);
  Linear<> unused{{.in_features = 8, .out_features = 2}};
  Linear<> fc{{.in_features = 8, .out_features = 1000}};
  Tensor<float> operator()(const Tensor<float>& x) const {
    Tensor<float> y = conv1(x);
    for (const Block& b : layer1) y = b(y);
    return tapped(*this, fc(global_avg_pool(y)));
  }
  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("layer1", self.layer1);
    v("unused", self.unused);
    v("fc", self.fc);
  }
};

TEST_CASE("a summary prints the tree with output shapes, parameters and multiply-adds") {
  std::ostringstream out;
  out << summary(TinyNet{}, {2, 32, 32, 3});
  CHECK(out.str() == R"(Layer (type)              Output shape            Parameters             MACs
=============================================================================
TinyNet                   2x1000                          --               --
├─ conv1 (Conv2d)         2x16x16x8                      224          110,592
├─ layer1.0 (Block)       2x16x16x8                       --               --
│  ├─ conv (Conv2d)       2x16x16x8                       72           36,864
│  └─ bn (BatchNorm2d)    2x16x16x8                       16               --
├─ layer1.1 (Block)       2x16x16x8                       --               --
│  ├─ conv (Conv2d)       2x16x16x8                       72           36,864
│  └─ bn (BatchNorm2d)    2x16x16x8                       16               --
├─ unused (Linear)        --                              18               --
└─ fc (Linear)            2x1000                       9,000           16,000
=============================================================================
Parameters  9,418 (37.7 kB)
MACs        200,320 (200.32 k)
Input       2x32x32x3 (24.6 kB)
)");
}

// torchvision publishes multiply-adds in units of 1e9 with three decimals: here in units of 1e6.
TEST_CASE("published networks have the published multiply-adds") {
  const std::pair<const char*, double> published[] = {
      {"resnet18", 1814},    {"resnet34", 3664},         {"resnet50", 4089},          {"resnet101", 7801},
      {"mobilenet_v2", 301}, {"mobilenet_v3_small", 57}, {"mobilenet_v3_large", 217}, {"efficientnet_b0", 386}};
  for (const auto& [name, mega] : published) {
    CAPTURE(name);
    CHECK(std::round(static_cast<double>(summary(models::create(name), {1, 224, 224, 3}).macs) * 1e-6) == mega);
  }
  const Summary s = summary(models::create("resnet50"), {1, 224, 224, 3});
  CHECK(s.macs == 4'089'184'256);
  CHECK(s.parameters == 25'557'032);
}

struct Twice {
  Linear<> fc{{.in_features = 4, .out_features = 4, .bias = false}};
  Tensor<float> operator()(const Tensor<float>& x) const { return tapped(*this, fc(fc(x))); }
  static void visit(auto&& self, auto&& v) { v("fc", self.fc); }
};

TEST_CASE("a layer that runs twice counts its multiply-adds twice and its parameters once") {
  const Summary s = summary(Twice{}, {3, 4});
  CHECK(s.macs == 2 * 3 * 16);
  CHECK(s.parameters == 16);
}

}  // namespace
}  // namespace fovea
