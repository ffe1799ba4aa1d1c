// What training keeps and computes: memory after the forward pass, kernels of the way back, checkpoints, mixed
// precision, taps.
#include <cmath>
#include <cstring>

#include <fovea/core/checkpoint.h>
#include <fovea/models/efficientnet_lite.h>
#include <fovea/models/resnet.h>
#include <fovea/models/resnet_cifar.h>
#include <fovea/nn/freeze.h>
#include <fovea/nn/init.h>
#include <fovea/nn/taps.h>
#include <fovea/ops/cast.h>
#include <fovea/ops/cross_entropy.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/reduce.h>
#include <fovea/train/sgd.h>
#include <support/catch.h>
#include <support/gradcheck.h>

using namespace fovea;

namespace {
Tensor<float> random_image(const Shape& shape, std::uint64_t seed = 1) {
  Tensor<float> x(shape);
  fill_normal(x, Philox(seed), 1);
  return x;
}

// Bytes that a tape keeps after f(x) once x and the result are dropped.
template <class F>
std::int64_t kept_bytes(const std::vector<AnyTensor>& watched, bool watch_x, F&& f) {
  const std::int64_t before = live_bytes();
  Tape tape;
  for (const AnyTensor& w : watched) tape.watch(w);
  {
    const Tensor<float> x = random_image({2, 8, 8, 16});
    if (watch_x) tape.watch(x);
    (void)f(x);
  }
  return live_bytes() - before;
}
constexpr std::int64_t kImage = 2 * 8 * 8 * 16 * 4;  // bytes

struct Chain {
  std::vector<Conv2d<float>> convs;
  std::vector<BatchNorm2d<float>> norms;
  explicit Chain(int n) {
    for (int i = 0; i < n; ++i) {
      convs.push_back(
          Conv2d<float>{{.in_channels = 8, .out_channels = 8, .kernel_size = 3, .padding = 1, .bias = false}});
      norms.push_back(BatchNorm2d<float>{{.num_features = 8}});
    }
    initialize(*this, 1);
  }
  Tensor<float> operator()(Tensor<float> x) const {
    for (std::size_t i = 0; i < convs.size(); ++i) x = relu(norms[i](convs[i](x)));
    return x;
  }
  static void visit(auto&& self, auto&& v) {
    v("convs", self.convs);
    v("norms", self.norms);
  }
};

int count_rows(const KernelLog& log, const char* begin) {
  int n = 0;
  for (const char* row : log.rows()) n += std::strncmp(row, begin, std::strlen(begin)) == 0;
  return n;
}
bool same_bits(const AnyTensor& a, const AnyTensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}
}  // namespace

TEST_CASE("a tape keeps what the gradients read, and nothing else") {
  const Tensor<float> other = random_image({2, 8, 8, 16}, 2);
  Conv2d<float> conv{{.in_channels = 16, .out_channels = 16, .kernel_size = 3, .padding = 1}};
  const BatchNorm2d<float> norm{{.num_features = 16}};
  ResNetBlock<float> block({.in_channels = 16, .channels = 16}, {});
  initialize(conv, 1);
  initialize(block, 2);
  const std::vector<AnyTensor> none, both = {conv.weight, conv.bias}, affine = {norm.weight, norm.bias};
  std::vector<AnyTensor> whole, second = {block.conv2.weight};
  for (const NamedTensor& p : trainable(block)) whole.push_back(p.tensor);

  struct Row {
    const char* what;
    std::int64_t all, some, nothing;  // images
  };
  const auto check = [&](const Row& row, const std::vector<AnyTensor>& all, const std::vector<AnyTensor>& some,
                         bool x_too, const auto& f) {
    INFO(row.what);
    Training scope(1);
    f(random_image({2, 8, 8, 16}));  // packs weights
    // Vectors of a channel are kept by value and not counted; allow a few.
    const auto images = [](std::int64_t bytes) { return (bytes + kImage / 16) / kImage; };
    CHECK(images(kept_bytes(all, true, f)) == row.all);
    CHECK(images(kept_bytes(some, x_too, f)) == row.some);
    CHECK(kept_bytes(none, false, f) == 0);
  };
  //                                    all, some, none watched
  check({"add", 0, 0, 0}, {other}, {other}, false, [&](const auto& x) { return add(x, other); });
  check({"relu: its output", 1, 1, 0}, {}, {}, true, [](const auto& x) { return relu(x); });
  check({"conv2d: its input; for the bias nothing", 1, 0, 0}, both, {conv.bias}, false, conv);
  check({"conv2d: for dx nothing but the weight", 1, 0, 0}, both, {}, true, conv);
  check({"batch_norm: its input; for the bias nothing", 1, 0, 0}, affine, {norm.bias}, false, norm);
  check({"dropout: nothing, its mask is drawn again", 0, 0, 0}, {}, {}, true,
        [](const auto& x) { return dropout(x, 0.5); });
  check({"residual block: input, both convolutions, both activations", 5, 3, 0}, whole, second, false, block);
}

TEST_CASE("a frozen layer runs no backward kernel, and no net computes the gradient of its photo") {
  const Tensor<float> x = random_image({2, 8, 8, 8});
  const Chain net(5);
  for (std::size_t frozen = 0; frozen <= 4; ++frozen) {
    INFO(frozen << " frozen layers");
    Training scope(1);
    Tape tape;
    for (std::size_t i = frozen; i < 5; ++i) {
      tape.watch(net.convs[i].weight);
      tape.watch(net.norms[i].weight);
      tape.watch(net.norms[i].bias);
    }
    const Tensor<float> loss = sum(net(x));
    const KernelLog log;
    (void)tape.backward(loss);
    const int trained = 5 - static_cast<int>(frozen);
    CHECK(count_rows(log, "conv2d_weight_grad") == trained);
    CHECK(count_rows(log, "conv2d_f32_") == trained - 1);  // dx, but not of the first trained layer's input
    CHECK(count_rows(log, "norm_grad") == trained);
    CHECK(count_rows(log, "pointwise_grad") == trained);
  }
}

TEST_CASE("checkpoint over batch norm and dropout gives the same bits") {
  const Tensor<float> x = random_image({4, 8, 8, 8});
  const auto run = [&](bool with_checkpoint) {
    Chain net(3);
    Training scope(5, 2);
    Tape tape(trainable(net));
    const auto segment = [&net](const Tensor<float>& in) { return dropout(net(dropout(in, 0.2)), 0.3); };
    const Tensor<float> y = dropout(with_checkpoint ? checkpoint(segment, x) : segment(x), 0.1);
    const Gradients g = tape.backward(sum(mul(y, y)));
    scope.commit();
    std::vector<AnyTensor> all{y};
    for (const NamedTensor& p : trainable(net)) all.push_back(g.of(p.tensor));
    for_each_tensor(net, [&](const std::string&, const auto& t, bool is_buffer) {
      if (is_buffer) all.push_back(t);
    });
    return all;
  };
  const std::vector<AnyTensor> plain = run(false), again = run(true);
  REQUIRE(plain.size() == again.size());
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(same_bits(plain[i], again[i]));
}

namespace {
// A body of type Body, a head and a loss in float, and a branch in double, joined by cast.
template <class Body, class Head, class Branch>
struct MixedNet {
  Conv2d<Body> conv{{.in_channels = 3, .out_channels = 8, .kernel_size = 3, .padding = 1, .bias = false}};
  BatchNorm2d<Body> bn{{.num_features = 8}};
  Linear<Head> head{{.in_features = 8, .out_features = 4}};
  Linear<Branch> branch{{.in_features = 8, .out_features = 4}};
  Tensor<Head> operator()(const Tensor<Body>& x) const {
    const Tensor<Body> features = global_avg_pool(relu(bn(conv(x))));
    return add(head(cast<Head>(features)), cast<Head>(branch(cast<Branch>(features))));
  }
  static void visit(auto&& self, auto&& v) {
    v("conv", self.conv);
    v("bn", self.bn);
    v("head", self.head);
    v("branch", self.branch);
  }
};

template <class Body, class Head, class Branch>
std::vector<Tensor<double>> mixed_gradients(const Tensor<float>& x, const Tensor<std::int64_t>& labels) {
  MixedNet<Body, Head, Branch> net;
  initialize(net, 3);
  Training scope(1);
  const std::vector<NamedTensor> parameters = trainable(net);
  Tape tape(parameters);
  const Gradients g = tape.backward(cross_entropy(net(x.to<Body>()), labels));
  std::vector<Tensor<double>> all;
  for (const NamedTensor& p : parameters) all.push_back(g.of(p.tensor).to<double>());
  return all;
}
}  // namespace

TEST_CASE("a net of mixed types has the gradients of the all-double net within bf16's error") {
  const Tensor<float> x = random_image({8, 6, 6, 3}).to<bf16>().to<float>();
  const Tensor<std::int64_t> labels({8}, {0, 1, 2, 3, 0, 1, 2, 3});
  const auto exact = mixed_gradients<double, double, double>(x, labels);
  const auto mixed = mixed_gradients<bf16, float, double>(x, labels);
  const auto single = mixed_gradients<float, float, double>(x, labels);
  REQUIRE(exact.size() == mixed.size());
  const auto distance = [](const Tensor<double>& a, const Tensor<double>& b) {
    double error = 0, size = 0;
    for (std::int64_t i = 0; i < a.numel(); ++i) {
      error += (a.data()[i] - b.data()[i]) * (a.data()[i] - b.data()[i]);
      size += b.data()[i] * b.data()[i];
    }
    return std::sqrt(error / size);
  };
  for (std::size_t i = 0; i < exact.size(); ++i) {
    INFO("parameter " << i);
    CHECK(distance(mixed[i], exact[i]) < 4 * 0x1p-8);  // some roundings of half a unit, 2^-9 each
    CHECK(distance(mixed[i], exact[i]) > 0);
    CHECK(distance(single[i], exact[i]) < 1e-5);
  }
}

namespace {
// The gradients of sum(output * fixed numbers) by the tapped values, with all parameters watched or none.
template <class Net>
std::vector<Tensor<float>> tapped_gradients(const Net& net, const Tensor<float>& x, std::vector<std::string> names,
                                            bool frozen) {
  Tape tape;
  if (!frozen)
    for (const NamedTensor& p : trainable(net)) tape.watch(p.tensor, p.name);
  names.push_back("");
  const std::vector<Tensor<float>> y = taps(net, x, names);
  Tensor<float> seed(y.back().shape());
  for (std::int64_t i = 0; i < seed.numel(); ++i) seed.mutable_data()[i] = static_cast<float>(i % 7) - 3;
  const Gradients g = tape.backward(y.back(), seed);
  std::vector<Tensor<float>> all;
  for (std::size_t i = 0; i + 1 < y.size(); ++i) all.push_back(g.of(y[i]));
  return all;
}
}  // namespace

TEST_CASE("tapped values have gradients, on a frozen net too") {
  ResNet<float> resnet{{.depth = 18, .num_classes = 10}};
  initialize(resnet, 1);
  const Tensor<float> x = random_image({1, 64, 64, 3});
  const std::vector<std::string> names = {"layer4", "layer4.1.conv2"};
  const auto all = tapped_gradients(resnet, x, names, false), frozen = tapped_gradients(resnet, x, names, true);
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(same_bits(all[i], frozen[i]));
  }
  // The rest of the net is linear in layer4: the mean over its 2x2 pixels, then fc.
  for (std::int64_t c = 0; c < 512; ++c) {
    double wanted = 0;
    for (std::int64_t o = 0; o < 10; ++o)
      wanted += (static_cast<double>(o % 7) - 3) * static_cast<double>(resnet.fc.weight.at(o, c)) / 4;
    CHECK(frozen[0].at(0, 0, 1, c) == Approx(wanted).margin(1e-6));
  }

  EfficientNetLite<float> lite{{}};
  initialize(lite, 2);
  const auto block = tapped_gradients(lite, x, {"_blocks.15"}, true);
  CHECK(same_bits(block[0], tapped_gradients(lite, x, {"_blocks.15"}, false)[0]));
  CHECK(std::ranges::count_if(block[0].values(), [](float v) { return v != 0; }) > block[0].numel() / 2);
}

TEST_CASE("a net that learns one batch by heart does so with the same bits at 1, 2 and 7 threads") {
  const Tensor<float> x = random_image({16, 32, 32, 3});
  Tensor<std::int64_t> labels({16});
  for (std::int64_t i = 0; i < 16; ++i) labels.mutable_data()[i] = i % 10;
  std::vector<std::vector<float>> losses;
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    ResNetCifar<float> net{{.depth = 8}};
    initialize(net, 1);
    SGD sgd(trainable(net), {.lr = 0.1, .momentum = 0.9});
    std::vector<float> of;
    for (std::uint64_t step = 0; step < 40; ++step) {
      Training scope(1, step);
      Tape tape(trainable(net));
      const Tensor<float> loss = cross_entropy(net(x), labels);
      of.push_back(loss.item());
      sgd.step(tape.backward(loss));
      scope.commit();
    }
    losses.push_back(of);
  }
  set_thread_count(0);
  CHECK(losses[0] == losses[1]);
  CHECK(losses[0] == losses[2]);
  CHECK(losses[0].back() < losses[0].front() / 2);
}
