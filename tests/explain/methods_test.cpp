// The methods on networks small enough to compute by hand, what they refuse, and what they leave uncomputed.
#include <cstring>

#include <fovea/core/parallel_for.h>
#include <fovea/explain/gradcam.h>
#include <fovea/explain/integrated_gradients.h>
#include <fovea/explain/occlusion.h>
#include <fovea/models/efficientnet_lite.h>
#include <fovea/models/mobilenet_v3.h>
#include <fovea/models/resnet_cifar.h>
#include <models/formula.h>
#include <support/catch.h>
#include <support/gradcheck.h>

namespace fovea {
namespace {
using namespace test;

// conv, relu, mean over the pixels, linear: Grad-CAM and the logits are a few loops.
struct TinyNet {
  Conv2d<double> conv{{.in_channels = 3, .out_channels = 4, .kernel_size = 3, .padding = 1}};
  Linear<double> fc{{.in_features = 4, .out_features = 5}};
  Tensor<double> operator()(const Tensor<double>& x) const { return tapped(*this, fc(global_avg_pool(relu(conv(x))))); }
  static void visit(auto&& self, auto&& v) {
    v("conv", self.conv);
    v("fc", self.fc);
  }
};

TinyNet tiny_net() {
  TinyNet net;
  fill_by_formula(net, 1.0);
  return net;
}

Tensor<double> tiny_photo(const Shape& shape = {1, 6, 7, 3}) {
  Random random(seed());
  return random_tensor(random, shape);
}

// The error of f as text.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST_CASE("Grad-CAM is the layer weighted by the mean gradients of the class, without what speaks against it") {
  const TinyNet net = tiny_net();
  const Tensor<double> x = tiny_photo(), a = net.conv(x);
  constexpr std::int64_t pixels = 42, channels = 4;
  for (std::int64_t index = 0; index < 5; ++index) {
    CAPTURE(seed(), index);
    const GradCam<double> cam = grad_cam(net, x, {.index = index, .layer = "conv"});
    REQUIRE(cam.map.shape() == Shape{6, 7});
    // dy/dA = weight / pixels where relu lets it through.
    double weight[channels] = {};
    for (std::int64_t i = 0; i < a.numel(); ++i)
      if (a.data()[i] > 0) weight[i % channels] += net.fc.weight.at(index, i % channels) / pixels / pixels;
    for (std::int64_t p = 0; p < pixels; ++p) {
      double sum = 0;
      for (std::int64_t k = 0; k < channels; ++k) sum += weight[k] * a.data()[p * channels + k];
      CHECK(cam.map.data()[p] == Approx(std::max(sum, 0.0)).margin(1e-14));
    }
  }
}

TEST_CASE("without a class the most probable is explained, without a layer the last feature map") {
  const TinyNet net = tiny_net();
  const Tensor<double> x = tiny_photo(), logits = net(x);
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < 5; ++i)
    if (logits.data()[i] > logits.data()[best]) best = i;
  const GradCam<double> cam = grad_cam(net, x);
  CHECK(cam.index == best);
  CHECK(cam.layer == "conv");
  CHECK(std::memcmp(cam.logits.data(), logits.data(), 5 * sizeof(double)) == 0);
  CHECK(occlusion(net, x).index == best);
  CHECK(integrated_gradients(net, x, Tensor<double>(x.shape())).index == best);

  const ResNetCifar<float> cifar{{.depth = 20}};
  CHECK(last_feature_map(cifar) == "layer3.2");
  CHECK(last_feature_map(MobileNetV3<float>{}) == "features.12");
  CHECK(last_feature_map(EfficientNetLite<float>{}) == "_head_activation");
  MobileNetV3<float> v3;
  fill_by_formula(v3, 1.0);
  CHECK(grad_cam(v3, formula_input(1, 64, 64), {.layer = "features"}).layer == "features.12");
}

struct LinearNet {
  Linear<double> fc{{.in_features = 3, .out_features = 5}};
  Tensor<double> operator()(const Tensor<double>& x) const { return fc(global_avg_pool(x)); }
  static void visit(auto&& self, auto&& v) { v("fc", self.fc); }
};

TEST_CASE("integrated gradients of a linear network are its weights, after one step") {
  LinearNet net;
  fill_by_formula(net.fc, 1.0);
  const Tensor<double> x = tiny_photo(), baseline = Tensor<double>(x.shape(), 0.25);
  const auto ig = integrated_gradients(net, x, baseline, {.index = 3, .steps = 1});
  CHECK(ig.steps == 1);
  CHECK(ig.error < 1e-10);
  REQUIRE(ig.attributions.shape() == Shape{6, 7, 3});
  for (std::int64_t i = 0; i < x.numel(); ++i)
    CHECK(ig.attributions.data()[i] == Approx((x.data()[i] - 0.25) * net.fc.weight.at(3, i % 3) / 42).margin(1e-14));
  const Tensor<double> map = pixel_attributions(ig.attributions);
  CHECK(map.at(2, 3) ==
        Approx(ig.attributions.at(2, 3, 0) + ig.attributions.at(2, 3, 1) + ig.attributions.at(2, 3, 2)).margin(1e-14));
}

TEST_CASE("of classes that are equally probable the first is explained") {
  CHECK(detail::explained_class("test", Tensor<double>({1, 4}, {1, 3, 3, 2}), std::nullopt) == 1);
  CHECK(detail::explained_class("test", Tensor<double>({1, 4}, {1, 3, 3, 2}), 3) == 3);
}

TEST_CASE("the error of the attributions' sum is relative to the difference, and finite where that is 0") {
  CHECK(detail::sum_error(1.5, 2) == 0.25);
  CHECK(detail::sum_error(-1.5, -2) == 0.25);
  CHECK(detail::sum_error(0, 0) == 0);
  CHECK(detail::sum_error(1e-9, 0) == 1);
}

TEST_CASE("the steps of integrated gradients are doubled until the attributions add up to the difference") {
  const TinyNet net = tiny_net();
  const Tensor<double> x = tiny_photo({1, 16, 16, 3}), black(x.shape(), -2);
  const auto ig = [&](int steps, int most, double tolerance) {
    return integrated_gradients(net, x, black, {.index = 2, .steps = steps, .max_steps = most, .tolerance = tolerance});
  };
  CHECK(ig(64, 1024, 0.01).error <= 0.01);
  const auto rough = ig(1, 1, 0), fine = ig(1, 1024, 1e-4);
  CHECK(rough.steps == 1);
  CHECK(rough.error > 1e-4);  // so there was something to gain
  CHECK(fine.error <= 1e-4);
  CHECK(fine.steps > 1);
  CHECK(fine.steps <= 1024);
  CHECK((fine.steps & (fine.steps - 1)) == 0);
  CHECK(ig(fine.steps / 2, fine.steps / 2, 0).error > 1e-4);  // half as many were not enough
  CHECK(ig(3, 100, 0).steps == 96);                           // it stops at or below the most
  double sum = 0;
  for (const double a : fine.attributions.values()) sum += a;
  CHECK(sum == Approx(fine.sum));
  CHECK(fine.difference == Approx(net(x).data()[2] - net(black).data()[2]));
}

TEST_CASE("occlusion is the mean drop of the squares that cover a pixel") {
  const TinyNet net = tiny_net();
  const Tensor<double> x = tiny_photo({1, 7, 9, 3});
  const double whole = net(x).data()[1];
  double sum[63] = {};
  int count[63] = {};
  for (const std::int64_t top : {0, 2, 4})
    for (const std::int64_t left : {0, 2, 4, 6}) {
      Tensor<double> hidden = x.clone();
      for (std::int64_t i = 0; i < 27; ++i) hidden.mutable_data()[((top + i / 9) * 9 + left) * 3 + i % 9] = 0.5;
      const double drop = whole - net(hidden).data()[1];
      for (std::int64_t i = 0; i < 9; ++i) {
        sum[(top + i / 3) * 9 + left + i % 3] += drop;
        ++count[(top + i / 3) * 9 + left + i % 3];
      }
    }
  for (const std::int64_t batch : {1, 5, 16}) {
    CAPTURE(batch);
    const auto o = occlusion(net, x, {.index = 1, .patch = 3, .stride = 2, .fill = 0.5, .batch = batch});
    REQUIRE(o.map.shape() == Shape{7, 9});
    for (std::int64_t i = 0; i < 63; ++i) CHECK(o.map.data()[i] == Approx(sum[i] / count[i]).margin(1e-13));
  }
  CHECK(detail::patch_starts(224, 32, 16).size() == 13);
  CHECK(detail::patch_starts(10, 4, 4) == std::vector<std::int64_t>{0, 4, 6});
  CHECK(detail::patch_starts(4, 4, 2) == std::vector<std::int64_t>{0});
  const auto o = occlusion(net, tiny_photo({1, 21, 28, 3}));
  CHECK(o.patch == 3);
  CHECK(o.stride == 1);
}

TEST_CASE("what cannot be explained is an error that says why") {
  const TinyNet net = tiny_net();
  const Tensor<double> x = tiny_photo(), black(x.shape());
  const auto gives = [](const std::string& error, const std::string& part) {
    CAPTURE(error, part);
    CHECK(error.find(part) != std::string::npos);
  };
  const std::string classes = "class 5, the network has the classes 0 to 4";
  gives(error_of([&] { grad_cam(net, x, {.index = 5}); }), "grad_cam: " + classes);
  gives(error_of([&] { occlusion(net, x, {.index = 5}); }), "occlusion: " + classes);
  gives(error_of([&] { integrated_gradients(net, x, black, {.index = 5}); }), "integrated_gradients: " + classes);
  gives(error_of([&] { grad_cam(net, x, {.index = -1}); }), "class -1");
  gives(error_of([&] { grad_cam(net, x, {.layer = "cnv"}); }), "did you mean 'conv'?");
  gives(error_of([&] { grad_cam(net, x, {.layer = "fc"}); }), "layer 'fc' gives 1x5, a feature map 1 H W C is wanted");
  gives(error_of([&] { grad_cam(net, tiny_photo({2, 6, 7, 3})); }), "one photo 1 H W C is wanted");
  gives(error_of([&] { grad_cam(net, tiny_photo({6, 7, 3})); }), "one photo 1 H W C is wanted");
  gives(error_of([&] { integrated_gradients(net, x, tiny_photo({1, 5, 5, 3})); }), "baseline 1x5x5x3");
  gives(error_of([&] { integrated_gradients(net, x, black, {.index = {}, .steps = 0}); }), "0 to 1024 steps");
  gives(error_of([&] { integrated_gradients(net, x, black, {.index = {}, .steps = 8, .max_steps = 4}); }),
        "8 to 4 steps");
  gives(error_of([&] { last_feature_map<double>(LinearNet()); }), "has no layer that gives a feature map N H W C");
  gives(error_of([&] { pixel_attributions(tiny_photo({1, 6, 7, 3})); }), "H W C is wanted");
  gives(error_of([&] { occlusion(net, x, {.index = {}, .patch = 7}); }), "a square of 7");
  gives(error_of([&] { occlusion(net, x, {.index = {}, .patch = 2, .stride = 3}); }), "no gap");
  const Tape tape;
  gives(error_of([&] { grad_cam(net, x); }), "this thread has one already");
}

int rows_of(const KernelLog& log, const char* begin) {
  int n = 0;
  for (const char* row : log.rows()) n += std::strncmp(row, begin, std::strlen(begin)) == 0;
  return n;
}

TEST_CASE("only what is watched has a gradient: no parameter, and for Grad-CAM nothing before its layer") {
  ResNetCifar<float> net{{.depth = 20}};
  fill_by_formula(net, 1.0);
  const Tensor<float> x = formula_input(1, 32, 32);
  const auto kernels_of = [](auto&& f, const char* begin) {
    const KernelLog log;
    f();
    return rows_of(log, begin);
  };
  const auto forward = [&] { net(x); };
  // Behind the last feature map only the classifier has a gradient, one kernel. Two passes: one finds the layer.
  const auto last = [&] { grad_cam(net, x); };
  CHECK(kernels_of(last, "conv2d_f32_") == 2 * kernels_of(forward, "conv2d_f32_") + 1);
  // One block further ahead: the input gradients of its two convolutions too.
  const auto before = [&] { grad_cam(net, x, {.layer = "layer3.1"}); };
  CHECK(kernels_of(before, "conv2d_f32_") == kernels_of(forward, "conv2d_f32_") + 3);
  const auto whole = [&] {
    integrated_gradients(net, x, Tensor<float>(x.shape()), {.index = {}, .steps = 1, .max_steps = 1});
  };
  CHECK(kernels_of(whole, "conv2d_f32_") >= 4 * kernels_of(forward, "conv2d_f32_"));
  for (const char* parameter_gradient : {"conv2d_weight_grad", "norm_grad", "channel_dot", "channel_sum"}) {
    CAPTURE(parameter_gradient);
    CHECK(kernels_of(last, parameter_gradient) == 0);
    CHECK(kernels_of(before, parameter_gradient) == 0);
    CHECK(kernels_of(whole, parameter_gradient) == 0);
  }
}

struct RestoreThreads {
  int count = thread_count();
  ~RestoreThreads() { set_thread_count(count); }
};

TEST_CASE("maps are bitwise the same with 1 and 2 threads") {
  const RestoreThreads restore;
  MobileNetV3<float> net;
  fill_by_formula(net, 1.0);
  const Tensor<float> x = formula_input(1, 64, 64);
  const auto maps = [&](int threads) {
    set_thread_count(threads);
    return std::vector<Tensor<float>>{
        grad_cam(net, x).map, grad_cam(net, x, {.layer = "features.4"}).map,
        integrated_gradients(net, x, Tensor<float>(x.shape()), {.index = {}, .steps = 2, .max_steps = 2}).attributions,
        occlusion(net, x, {.index = {}, .patch = 32, .stride = 16}).map};
  };
  const std::vector<Tensor<float>> one = maps(1), two = maps(2);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    REQUIRE(one[i].shape() == two[i].shape());
    CHECK(std::memcmp(one[i].data(), two[i].data(), one[i].values().size_bytes()) == 0);
  }
}

}  // namespace
}  // namespace fovea
