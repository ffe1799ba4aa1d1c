// conv2d and conv_transpose2d, forward and backward, against the reference cases, bit for bit in float32: the inputs
// make every sum exact, so the direct and the depthwise kernels, the reference and PyTorch must agree; errors.
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/conv_transpose2d.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::ReferenceCase;

void check_conv2d(const ReferenceCase& c) {
  Conv2dOptions options = {.stride = c.size2("stride"),
                           .padding = c.padding(),
                           .dilation = c.size2("dilation"),
                           .groups = c.attrs.at("groups")};
  const auto op = [&](const auto& in) { return conv2d(in("x"), in.param("weight"), in.param("bias"), options); };
  test::check_op(c, op, test::Precision::exact);
  if (!c.is_same()) return;
  options.padding = Padding::same();
  test::check_op(c, op, test::Precision::exact);
}

void check_conv_transpose2d(const ReferenceCase& c) {
  const ConvTranspose2dOptions options = {.stride = c.size2("stride"),
                                          .padding = c.padding(),
                                          .output_padding = c.size2("output_padding"),
                                          .dilation = c.size2("dilation"),
                                          .groups = c.attrs.at("groups")};
  const auto op = [&](const auto& in) {
    return conv_transpose2d(in("x"), in.param("weight"), in.param("bias"), options);
  };
  test::check_op(c, op, test::Precision::exact);
}

const test::ReferenceGroupTest kGroup = {.group = "ops-conv2d", .checks = {{"conv2d", check_conv2d}}, .later = {}};
const test::ReferenceGroupTest kTransposed = {
    .group = "ops-conv_transpose2d", .checks = {{"conv_transpose2d", check_conv_transpose2d}}, .later = {}};
}  // namespace

TEST_CASE("conv2d equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("conv2d equals all reference cases") { kGroup.run_shared(); }
TEST_CASE("conv_transpose2d equals the committed reference cases") { kTransposed.run_committed(); }
TEST_CASE("conv_transpose2d equals all reference cases") { kTransposed.run_shared(); }

TEST_CASE("a convolution whose shapes do not meet names both and what would be right") {
  const Tensor<float> x({8, 5, 6, 32}), none;
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({128, 64, 3, 3}), none),
                      Catch::Contains("conv2d: input 8x5x6x32 has 32 channels, weight 128x64x3x3 wants 64"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 7, 1}), none), Catch::Contains("conv2d: a kernel of 7"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1, 1}), Tensor<float>({5})), Catch::Contains("conv2d: bias 5"));
  REQUIRE_THROWS_WITH(conv2d(Tensor<float>({5, 6, 32}), Tensor<float>({4, 32, 1, 1}), none),
                      Catch::Contains("conv2d: input 5x6x32 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1}), none), Catch::Contains("weight 4x32x1 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1, 1}), none, {.stride = 0}), Catch::Contains("conv2d: stride"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({5, 16, 1, 1}), none, {.groups = 2}),
                      Catch::Contains("conv2d: 2 groups do not divide"));
}

TEST_CASE("a convolution of an empty batch is empty") {
  REQUIRE(conv2d(Tensor<float>({0, 5, 5, 3}), Tensor<float>({4, 3, 3, 3}), Tensor<float>()).shape() ==
          Shape({0, 3, 3, 4}));
}

namespace {
struct RandomConv {
  Conv2dOptions options;
  Tensor<double> x, weight, bias;
};
// Sizes for which the convolution is defined: odd images, stride, dilation, groups, padding on each side by itself.
RandomConv random_conv(test::Random& random) {
  RandomConv c;
  c.options.stride = {random.between(1, 3), random.between(1, 3)};
  c.options.dilation = {random.between(1, 2), random.between(1, 2)};
  c.options.padding = {random.between(0, 2), random.between(0, 2), random.between(0, 2), random.between(0, 2)};
  c.options.groups = random.between(1, 2);
  const std::int64_t kh = random.between(1, 3), kw = random.between(1, 3), in = random.between(1, 3),
                     out = random.between(1, 3), g = c.options.groups;
  c.x =
      test::random_tensor(random, {random.between(1, 2), window_extent(kh, c.options.dilation.h) + random.between(0, 4),
                                   window_extent(kw, c.options.dilation.w) + random.between(0, 4), in * g});
  c.weight = test::random_tensor(random, {out * g, in, kh, kw});
  c.bias = test::random_tensor(random, {out * g});
  return c;
}
}  // namespace

TEST_CASE("gradients of conv2d equal finite differences, and dx is its adjoint") {
  test::Random random(test::seed());
  for (int i = 0; i < 20; ++i) {
    const RandomConv c = random_conv(random);
    INFO("case " << i << ": x " << c.x.shape() << ", weight " << c.weight.shape());
    test::gradcheck({c.x, c.weight, c.bias}, [&](const auto& in) { return conv2d(in[0], in[1], in[2], c.options); });
    test::adjoint_check(c.x, [&](const Tensor<double>& x) { return conv2d(x, c.weight, {}, c.options); });
    test::adjoint_check(c.weight, [&](const Tensor<double>& w) { return conv2d(c.x, w, {}, c.options); });
  }
}

TEST_CASE("gradients of conv_transpose2d equal finite differences, and it is the adjoint of conv2d") {
  test::Random random(test::seed() + 7);
  for (int i = 0; i < 20; ++i) {
    const RandomConv c = random_conv(random);
    const Tensor<double> y = conv2d(c.x, c.weight, {}, c.options);
    ConvTranspose2dOptions options = {.stride = c.options.stride,
                                      .padding = c.options.padding,
                                      .dilation = c.options.dilation,
                                      .groups = c.options.groups};
    // What the stride left over of the input.
    const Padding& p = c.options.padding;
    options.output_padding = {c.x.size(1) + p.top + p.bottom - window_extent(c.weight.size(2), options.dilation.h) -
                                  (y.size(1) - 1) * options.stride.h,
                              c.x.size(2) + p.left + p.right - window_extent(c.weight.size(3), options.dilation.w) -
                                  (y.size(2) - 1) * options.stride.w};
    INFO("case " << i << ": x " << c.x.shape() << ", weight " << c.weight.shape());
    const Tensor<double> dy = test::random_tensor(random, y.shape()), bias = test::random_tensor(random, {c.x.size(3)});
    CHECK(std::abs(test::dot(y, dy) - test::dot(c.x, conv_transpose2d(dy, c.weight, {}, options))) < 1e-12 * 100);
    test::gradcheck({dy, c.weight, bias},
                    [&](const auto& in) { return conv_transpose2d(in[0], in[1], in[2], options); });
  }
}

TEST_CASE("a wrong gradient of a convolution is caught") {
  test::Random random(test::seed());
  const Tensor<double> x = test::random_tensor(random, {1, 5, 5, 2}), w = test::random_tensor(random, {3, 2, 3, 3});
  const auto f = [](const auto& in) { return conv2d(in[0], in[1], {}, {.padding = 1}); };
  const std::vector<Tensor<double>> inputs = {x, w};
  const Tensor<double> dy = test::random_tensor(random, {1, 5, 5, 3});
  const auto right = test::tape_gradients(inputs, dy, f);
  REQUIRE(test::gradient_error(inputs, dy, right, f) < 1e-7);

  auto factor = right;  // a planted factor
  factor[1] = mul(right[1], 1 + 1e-6);
  CHECK(test::gradient_error(inputs, dy, factor, f) > 1e-7);
  auto border = right;  // a dropped border: dy of the first row is forgotten
  Tensor<double> inner = dy.clone();
  for (std::int64_t i = 0; i < 5 * 3; ++i) inner.mutable_data()[i] = 0;
  border[0] = test::tape_gradients(inputs, inner, f)[0];
  CHECK(test::gradient_error(inputs, dy, border, f) > 1e-3);
}

TEST_CASE("a convolution keeps its input only for dweight, and its weight only for dx") {
  const Tensor<float> x({1, 16, 16, 8}, 1.f), w({8, 8, 3, 3}, 1.f);
  (void)conv2d(x, w, {}, {.padding = 1});  // packs
  const auto kept = [&](std::initializer_list<AnyTensor> watched) {
    const std::int64_t before = live_bytes();
    std::int64_t after = 0;
    {
      Tape tape(watched);
      Tensor<float> copy = x.clone();
      if (tape.wants(x.id())) copy = x;
      const Tensor<float> y = conv2d(copy, w, {}, {.padding = 1});
      copy = {};
      after = live_bytes() - before - y.numel() * 4;
    }
    return after;
  };
  CHECK(kept({}) == 0);
  CHECK(kept({w}) == x.numel() * 4);
}

TEST_CASE("the gradient of an empty batch is zeros") {
  const Tensor<float> x({0, 5, 5, 3}), w({4, 3, 3, 3}, 1.f), b({4});
  Tape tape{x, w, b};
  const Tensor<float> y = conv2d(x, w, b);
  const Gradients g = tape.backward(y, Tensor<float>(y.shape()));
  CHECK(g.of(x).shape() == x.shape());
  CHECK(std::ranges::count(g.of(w).values(), 0.f) == w.numel());
  CHECK(std::ranges::count(g.of(b).values(), 0.f) == 4);
}
