// The building blocks of the networks against the reference cases of PyTorch and torchvision (group "blocks": one
// training step, forward, backward and the state after it; the output in evaluation) and of torchvision's feature
// pyramid (detection cases).
#include <fovea/io/load.h>
#include <fovea/models/fpn.h>
#include <fovea/models/mbconv.h>
#include <fovea/models/mobilenet_v2.h>
#include <fovea/models/resnet.h>
#include <fovea/nn/freeze.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/ops/reduce.h>
#include <fovea/train/sgd.h>
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

// One training step of a block in T: output, gradients of the input and of every parameter, the state after a step of
// SGD with the running statistics, and the output in evaluation.
template <class T, class Block>
void check_training(const ReferenceCase& c, Block block, double tolerance) {
  INFO(dtype_of<T>);
  load_into(block, below(*c.tensors, c.name + "/param/"));
  const std::vector<NamedTensor> parameters = trainable(block);
  const nlohmann::json& o = c.attrs.at("sgd");
  SGD sgd(parameters, {.lr = o.at("lr"), .momentum = o.at("momentum"), .weight_decay = o.at("weight_decay")});
  const Tensor<T> x = c.in<T>("x");
  Training scope(0);
  Tape tape(parameters);
  tape.watch(x);
  const Tensor<T> y = block(x);
  require_close(y, c.out("y_train"), tolerance);
  const Gradients gradients = tape.backward(y, c.upstream<T>("y_train"));
  // The sixth in PyTorch's gradient of hardsigmoid is a float, also in double: off by 3e-8 of it.
  const bool coarse =
      c.attrs.value("gate", "") == "hardsigmoid" || (c.op.find("V3") != std::string::npos && c.attrs.at("se"));
  if (coarse) tolerance = std::max(tolerance, 4e-8);
  require_close(gradients.of(x), c.grad("x"), tolerance);
  for (const NamedTensor& p : parameters) {
    INFO("gradient of " << p.name);
    require_close(gradients.of(p.tensor).template as<T>(), c.grad(p.name), tolerance);
  }
  sgd.step(gradients);
  scope.commit();
  for_each_tensor(block, [&](const std::string& name, const auto& t, bool) {
    INFO(name << " after the step");
    require_close(t, c.out("after/" + name), tolerance);
  });
}

// make(T{}) gives the block. float64 within 1e-10 of the reference, float32 within 20 times PyTorch's own error, as the
// group asks.
template <class Make>
void check_block(const ReferenceCase& c, Make&& make) {
  check_training<double>(c, make(double{}), 1e-10);
  check_training<float>(c, make(float{}), std::max(1e-5, 20 * c.float_error));
  auto block = make(double{});
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
  check_block(c, [&]<class T>(T) {
    return SqueezeExcitation<T>{{.channels = channels,
                                 .squeeze_channels = integer(c, "squeeze"),
                                 .activation = activation(c.attrs.at("act")),
                                 .gate = activation(c.attrs.at("gate"))}};
  });
}

void check_basic_block(const ReferenceCase& c) {
  check_block(c, [&]<class T>(T) {
    return ResNetBlock<T>({integer(c, "in"), integer(c, "out"), integer(c, "stride"), false}, {});
  });
}

void check_bottleneck(const ReferenceCase& c) {
  check_block(c, [&]<class T>(T) {
    return ResNetBlock<T>({integer(c, "in"), integer(c, "planes"), integer(c, "stride"), true}, {});
  });
}

void check_mobilenet_v2_block(const ReferenceCase& c) {
  check_block(c, [&]<class T>(T) {
    return MobileNetV2Block<T>(integer(c, "in"), integer(c, "out"), integer(c, "stride"), integer(c, "expand"), {});
  });
}

void check_mobilenet_v3_block(const ReferenceCase& c) {
  check_block(c, [&]<class T>(T) {
    return MBConv<T>{{.in_channels = integer(c, "in"),
                      .expanded_channels = integer(c, "expanded"),
                      .out_channels = integer(c, "out"),
                      .kernel_size = integer(c, "kernel"),
                      .stride = integer(c, "stride"),
                      .activation = activation(c.attrs.at("act")),
                      .squeeze_channels = c.attrs.at("se").get<bool>() ? integer(c, "se_squeeze") : 0,
                      .squeeze_activation = Activation::relu,
                      .squeeze_gate = Activation::hardsigmoid,
                      .eps = c.attrs.at("bn_eps"),
                      .momentum = c.attrs.value("bn_momentum", 0.1)}};
  });
}

void check_efficientnet_block(const ReferenceCase& c) {
  check_block(c, [&]<class T>(T) {
    return MBConv<T>{{.in_channels = integer(c, "in"),
                      .expanded_channels = integer(c, "in") * integer(c, "expand"),
                      .out_channels = integer(c, "out"),
                      .kernel_size = integer(c, "kernel"),
                      .stride = integer(c, "stride"),
                      .activation = activation(c.attrs.at("act")),
                      .squeeze_channels = integer(c, "se_squeeze"),
                      .eps = c.attrs.at("bn_eps"),
                      .momentum = c.attrs.value("bn_momentum", 0.1)}};
  });
}

// EfficientNetV2's block, written here as an application would write a block of its own.
template <class T>
struct FusedBlock {
  ConvBnAct<T> expand, project;
  Tensor<T> operator()(const Tensor<T>& x) const { return tapped(*this, project(expand(x))); }
  static void visit(auto&& self, auto&& v) {
    v("block.0", self.expand);
    v("block.1", self.project);
  }
};
void check_fused_block(const ReferenceCase& c) {
  const std::int64_t in = integer(c, "in"), wide = in * integer(c, "expand");
  check_block(c, [&]<class T>(T) {
    return FusedBlock<T>{ConvBnAct<T>{{.in_channels = in,
                                       .out_channels = wide,
                                       .kernel_size = integer(c, "kernel"),
                                       .stride = integer(c, "stride"),
                                       .activation = activation(c.attrs.at("act"))}},
                         ConvBnAct<T>{{.in_channels = wide,
                                       .out_channels = integer(c, "out"),
                                       .kernel_size = 1,
                                       .activation = Activation::identity}}};
  });
}

// ResNeXt's bottleneck: its middle convolution works in groups.
template <class T>
struct GroupedBottleneck {
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;
  Conv2d<T> conv3;
  BatchNorm2d<T> bn3;
  GroupedBottleneck(std::int64_t channels, std::int64_t inner, std::int64_t groups)
      : conv1{{.in_channels = channels, .out_channels = inner, .bias = false}},
        bn1{{.num_features = inner}},
        conv2{{.in_channels = inner,
               .out_channels = inner,
               .kernel_size = 3,
               .padding = 1,
               .groups = groups,
               .bias = false}},
        bn2{{.num_features = inner}},
        conv3{{.in_channels = inner, .out_channels = channels, .bias = false}},
        bn3{{.num_features = channels}} {}
  Tensor<T> operator()(const Tensor<T>& x) const {
    return tapped(*this, relu(add(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))), x)));
  }
  static void visit(auto&& self, auto&& v) {
    v("conv1", self.conv1);
    v("bn1", self.bn1);
    v("conv2", self.conv2);
    v("bn2", self.bn2);
    v("conv3", self.conv3);
    v("bn3", self.bn3);
  }
};
void check_grouped_bottleneck(const ReferenceCase& c) {
  const std::int64_t inner = c.tensors->at(c.name + "/param/conv1.weight").shape()[0];
  check_block(c, [&]<class T>(T) { return GroupedBottleneck<T>(integer(c, "in"), inner, integer(c, "groups")); });
}

// conv3x3(6) bn relu maxpool3/2/1, BasicBlock(6, 6), BasicBlock(6, 10, /2), mean, fc(5).
template <class T>
struct TinyResNet {
  Conv2d<T> conv1{{.in_channels = 3, .out_channels = 6, .kernel_size = 3, .padding = 1, .bias = false}};
  BatchNorm2d<T> bn1{{.num_features = 6}};
  std::vector<ResNetBlock<T>> layer1{ResNetBlock<T>({6, 6, 1, false}, {})};
  std::vector<ResNetBlock<T>> layer2{ResNetBlock<T>({6, 10, 2, false}, {})};
  Linear<T> fc{{.in_features = 10, .out_features = 5}};
  Tensor<T> operator()(const Tensor<T>& x) const {
    Tensor<T> y = max_pool2d(relu(bn1(conv1(x))), {.kernel_size = 3, .stride = 2, .padding = 1});
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

// Five steps of training on batches of their own: each loss and output, and the state after the last.
void check_five_steps(const ReferenceCase& c) {
  TinyResNet<double> net;
  load_into(net, below(*c.tensors, c.name + "/param/"));
  const std::vector<NamedTensor> parameters = trainable(net);
  const nlohmann::json& o = c.attrs.at("sgd");
  SGD sgd(parameters, {.lr = o.at("lr"), .momentum = o.at("momentum"), .weight_decay = o.at("weight_decay")});
  const Tensor<double> all = c.in<double>("x");
  const Tensor<std::int64_t> target = c.tensors->at(c.name + "/in/target").to<std::int64_t>();
  const std::int64_t steps = all.size(0), batch = all.size(1);
  REQUIRE(steps == integer(c, "steps"));
  for (std::int64_t i = 0; i < steps; ++i) {
    INFO("step " << i);
    const Tensor<double> x = all.view(i, i + 1).reshape({batch, all.size(2), all.size(3), all.size(4)});
    Training scope(0, static_cast<std::uint64_t>(i));
    Tape tape(parameters);
    const Tensor<double> logits = net(x);
    const Tensor<double> loss = cross_entropy(logits, target.view(i, i + 1).reshape({batch}), {.label_smoothing = 0.1});
    require_close(logits, c.out("logits").view(i, i + 1).reshape(logits.shape()), 1e-10);
    REQUIRE(std::abs(loss.item() - c.out("loss").values()[static_cast<std::size_t>(i)]) < 1e-10);
    sgd.step(tape.backward(loss));
    scope.commit();
  }
  for_each_tensor(net, [&](const std::string& name, const auto& t, bool) {
    INFO(name);
    require_close(t, c.out("after/" + name), 1e-10);
  });
}

void check_pyramid(const ReferenceCase& c) {
  FeaturePyramid<double> pyramid({.in_channels = c.attrs.at("in"), .out_channels = integer(c, "out")});
  load_into(pyramid, below(*c.tensors, c.name + "/param/"));
  const std::vector<Tensor<double>> in = {c.in<double>("c3"), c.in<double>("c4"), c.in<double>("c5")};
  const std::vector<NamedTensor> parameters = trainable(pyramid);
  Tape tape(parameters);
  for (const Tensor<double>& x : in) tape.watch(x);
  const std::vector<Tensor<double>> maps = pyramid(in);
  REQUIRE(maps.size() == 3);
  Tensor<double> loss({}, 0.0);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string key = to_text("c", i + 3);
    require_close(maps[i], c.out(key), 1e-10);
    loss = add(loss, sum(mul(maps[i], c.upstream<double>(key))));
  }
  const Gradients gradients = tape.backward(loss);
  for (std::size_t i = 0; i < 3; ++i) require_close(gradients.of(in[i]), c.grad(to_text("c", i + 3)), 1e-10);
  for (const NamedTensor& p : parameters) {
    INFO("gradient of " << p.name);
    require_close(gradients.of(p.tensor).as<double>(), c.grad(p.name), 1e-10);
  }
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
               {"TinyResNet",
                [](const ReferenceCase& c) { check_block(c, []<class T>(T) { return TinyResNet<T>{}; }); }},
               {"Bottleneck with groups", check_grouped_bottleneck},
               {"TinyResNet-5-steps", check_five_steps},
               {"FeaturePyramidNetwork", check_pyramid}},
    .later = {},
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
