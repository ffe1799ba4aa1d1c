// The building blocks of the networks against the reference cases of PyTorch and torchvision (group "blocks": output in
// evaluation with the state after one training step) and of torchvision's feature pyramid (detection cases).
#include <fovea/io/load.h>
#include <fovea/models/fpn.h>
#include <fovea/models/mbconv.h>
#include <fovea/models/mobilenet_v2.h>
#include <fovea/models/resnet.h>
#include <support/catch.h>
#include <support/reference.h>
#include <support/support.h>
#include <nlohmann/json.hpp>

namespace fovea {
namespace {
using namespace test;

// The tensors whose names begin with `prefix`, under the rest of their names.
TensorFile below(const TensorFile& file, const std::string& prefix) {
  TensorFile out;
  out.path = file.path + ": " + prefix;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(prefix)) out.tensors.emplace_back(name.substr(prefix.size()), tensor);
  return out;
}

// float64 within 1e-10 of the reference, as the group asks.
template <class Block>
void check_block(const ReferenceCase& c, Block block) {
  load_into(block, below(*c.tensors, c.name + "/out/after/"));
  require_close(block(c.in<double>("x")), c.out("y_eval_after_step"), 1e-10);
}

std::int64_t integer(const ReferenceCase& c, const char* key) { return c.attrs.at(key).get<std::int64_t>(); }

Activation activation(const std::string& name) {
  for (const Activation a :
       {Activation::relu, Activation::hardswish, Activation::silu, Activation::sigmoid, Activation::hardsigmoid})
    if (name == name_of(a)) return a;
  FAIL("unknown activation " << name);
  return Activation::identity;
}

void check_squeeze_excitation(const ReferenceCase& c) {
  const std::int64_t channels = c.in<double>("x").size(3);
  check_block(c, SqueezeExcitation<double>{{.channels = channels,
                                            .squeeze_channels = integer(c, "squeeze"),
                                            .activation = activation(c.attrs.at("act")),
                                            .gate = activation(c.attrs.at("gate"))}});
}

void check_basic_block(const ReferenceCase& c) {
  check_block(c, ResNetBlock<double>({integer(c, "in"), integer(c, "out"), integer(c, "stride"), false}, {}));
}

void check_bottleneck(const ReferenceCase& c) {
  check_block(c, ResNetBlock<double>({integer(c, "in"), integer(c, "planes"), integer(c, "stride"), true}, {}));
}

void check_mobilenet_v2_block(const ReferenceCase& c) {
  check_block(
      c, MobileNetV2Block<double>(integer(c, "in"), integer(c, "out"), integer(c, "stride"), integer(c, "expand"), {}));
}

void check_mobilenet_v3_block(const ReferenceCase& c) {
  check_block(c, MBConv<double>{{.in_channels = integer(c, "in"),
                                 .expanded_channels = integer(c, "expanded"),
                                 .out_channels = integer(c, "out"),
                                 .kernel_size = integer(c, "kernel"),
                                 .stride = integer(c, "stride"),
                                 .activation = activation(c.attrs.at("act")),
                                 .squeeze_channels = c.attrs.at("se").get<bool>() ? integer(c, "se_squeeze") : 0,
                                 .squeeze_activation = Activation::relu,
                                 .squeeze_gate = Activation::hardsigmoid,
                                 .eps = c.attrs.at("bn_eps")}});
}

void check_efficientnet_block(const ReferenceCase& c) {
  check_block(c, MBConv<double>{{.in_channels = integer(c, "in"),
                                 .expanded_channels = integer(c, "in") * integer(c, "expand"),
                                 .out_channels = integer(c, "out"),
                                 .kernel_size = integer(c, "kernel"),
                                 .stride = integer(c, "stride"),
                                 .activation = activation(c.attrs.at("act")),
                                 .squeeze_channels = integer(c, "se_squeeze"),
                                 .eps = c.attrs.at("bn_eps")}});
}

// EfficientNetV2's block, written here as an application would write a block of its own.
struct FusedBlock {
  ConvBnAct<double> expand, project;
  Tensor<double> operator()(const Tensor<double>& x) const { return tapped(*this, project(expand(x))); }
  static void visit(auto&& self, auto&& v) {
    v("block.0", self.expand);
    v("block.1", self.project);
  }
};
void check_fused_block(const ReferenceCase& c) {
  const std::int64_t in = integer(c, "in"), wide = in * integer(c, "expand");
  check_block(c, FusedBlock{ConvBnAct<double>{{.in_channels = in,
                                               .out_channels = wide,
                                               .kernel_size = integer(c, "kernel"),
                                               .stride = integer(c, "stride"),
                                               .activation = activation(c.attrs.at("act"))}},
                            ConvBnAct<double>{{.in_channels = wide,
                                               .out_channels = integer(c, "out"),
                                               .kernel_size = 1,
                                               .activation = Activation::identity}}});
}

// conv3x3(6) bn relu maxpool3/2/1, BasicBlock(6, 6), BasicBlock(6, 10, /2), mean, fc(5).
struct TinyResNet {
  Conv2d<double> conv1{{.in_channels = 3, .out_channels = 6, .kernel_size = 3, .padding = 1, .bias = false}};
  BatchNorm2d<double> bn1{{.num_features = 6}};
  std::vector<ResNetBlock<double>> layer1{ResNetBlock<double>({6, 6, 1, false}, {})};
  std::vector<ResNetBlock<double>> layer2{ResNetBlock<double>({6, 10, 2, false}, {})};
  Linear<double> fc{{.in_features = 10, .out_features = 5}};
  Tensor<double> operator()(const Tensor<double>& x) const {
    Tensor<double> y = max_pool2d(relu(bn1(conv1(x))), {.kernel_size = 3, .stride = 2, .padding = 1});
    for (const auto& block : layer1) y = block(y);
    for (const auto& block : layer2) y = block(y);
    return tapped(*this, fc(global_avg_pool(y)));
  }
  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("layer1", self.layer1);
    v("layer2", self.layer2);
    v("fc", self.fc);
  }
};

void check_pyramid(const ReferenceCase& c) {
  FeaturePyramid<double> pyramid({.in_channels = c.attrs.at("in"), .out_channels = integer(c, "out")});
  load_into(pyramid, below(*c.tensors, c.name + "/param/"));
  const std::vector<Tensor<double>> maps = pyramid({c.in<double>("c3"), c.in<double>("c4"), c.in<double>("c5")});
  REQUIRE(maps.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) require_close(maps[i], c.out(to_text("c", i + 3)), 1e-10);
}

const ReferenceGroupTest kBlocks = {
    .group = "blocks",
    .checks = {{"squeeze_excite", check_squeeze_excitation},
               {"BasicBlock", check_basic_block},
               {"Bottleneck", check_bottleneck},
               {"InvertedResidual(MobileNetV2)", check_mobilenet_v2_block},
               {"InvertedResidual(MobileNetV3)", check_mobilenet_v3_block},
               {"MBConv(EfficientNet)", check_efficientnet_block},
               {"FusedMBConv(EfficientNetV2)", check_fused_block},
               {"TinyResNet", [](const ReferenceCase& c) { check_block(c, TinyResNet{}); }},
               {"FeaturePyramidNetwork", check_pyramid}},
    .later = {"Bottleneck with groups", "TinyResNet-5-steps"},
    .kind = [](const ReferenceCase& c) { return c.attrs.contains("groups") ? c.op + " with groups" : c.op; },
};

TEST_CASE("blocks give the outputs of PyTorch and torchvision in the committed cases") { kBlocks.run_committed(); }
TEST_CASE("blocks give the outputs of PyTorch and torchvision in all cases") { kBlocks.run_shared(); }

// --- torchvision's pyramids with their extra levels ---

Tensor<double> from_nchw(const Tensor<double>& x) {
  const std::int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  Tensor<double> y({n, h, w, c});
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t image = i / (c * h * w), channel = i / (h * w) % c, pixel = i % (h * w);
    y.mutable_data()[(image * h * w + pixel) * c + channel] = x.data()[i];
  }
  return y;
}

ExtraLevels extra_levels(const nlohmann::json& params) {
  if (params.at("extra").is_null()) return ExtraLevels::none;
  if (params.at("extra") == "LastLevelMaxPool") return ExtraLevels::max_pool;
  return params.at("p6_input") == "C5" ? ExtraLevels::p6p7_from_c5 : ExtraLevels::p6p7_from_p5;
}

TEST_CASE("feature pyramids give torchvision's maps: plain, with a max-pooled P6, and with P6 and P7 from C5 or P5") {
  if (!needs("data")) return;
  const std::filesystem::path folder = shared_data("detection/reference");
  const nlohmann::json index = nlohmann::json::parse(read_text(folder / "ops.json"));
  const TensorFile tensors = load_safetensors(folder / "ops.safetensors");
  int cases = 0;
  for (const nlohmann::json& c : index.at("cases")) {
    if (c.at("op") != "feature_pyramid_network") continue;
    const std::string name = c.at("case");
    CAPTURE(name);
    const nlohmann::json& params = c.at("params");
    FeaturePyramid<double> pyramid({.in_channels = params.at("in_channels"),
                                    .out_channels = params.at("out_channels"),
                                    .extra = extra_levels(params)});
    load_into(pyramid, below(tensors, name + "/in.w."));
    std::vector<Tensor<double>> maps;
    for (const char* key : {"c3", "c4", "c5"}) maps.push_back(from_nchw(tensors.at(name + "/in." + key).as<double>()));
    const std::vector<Tensor<double>> out = pyramid(maps);
    std::size_t level = 0;
    for (const char* key : {"c3", "c4", "c5", "pool", "p6", "p7"}) {
      const AnyTensor* expected = tensors.find(name + "/out." + key);
      if (!expected) continue;
      REQUIRE(level < out.size());
      require_close(out[level++], from_nchw(expected->as<double>()), 1e-10);
    }
    CHECK(level == out.size());
    ++cases;
  }
  CHECK(cases >= 4);
}

TEST_CASE("a pyramid refuses another number of maps than it was made for") {
  const FeaturePyramid<> pyramid({.in_channels = {4, 8}, .out_channels = 4});
  CHECK_THROWS_WITH(pyramid({Tensor<float>({1, 4, 4, 4})}), "FeaturePyramid: 1 maps, the pyramid was made for 2");
}

}  // namespace
}  // namespace fovea
