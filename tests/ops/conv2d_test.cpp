// conv2d against the reference cases, bit for bit in float32: the inputs make every sum exact, so the direct and the
// depthwise kernels, the reference and PyTorch must agree; errors.
#include <fovea/ops/conv2d.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::ReferenceCase;

void check_conv2d(const ReferenceCase& c) {
  Conv2dOptions options = {.stride = c.size2("stride"),
                           .padding = c.padding(),
                           .dilation = c.size2("dilation"),
                           .groups = c.attrs.at("groups")};
  const auto op = [&]<class T>(T) {
    return conv2d(c.in<T>("x"), c.in<master_t<T>>("weight"), c.in<master_t<T>>("bias"), options);
  };
  check_types(c, op, test::Precision::exact);
  if (!c.is_same()) return;
  options.padding = Padding::same();
  check_types(c, op, test::Precision::exact);
}

const test::ReferenceGroupTest kGroup = {.group = "ops-conv2d", .checks = {{"conv2d", check_conv2d}}, .later = {}};
}  // namespace

TEST_CASE("conv2d equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("conv2d equals all reference cases") { kGroup.run_shared(); }

TEST_CASE("a convolution whose shapes do not meet names both and what would be right") {
  const Tensor<float> x({8, 5, 6, 32}), none;
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({128, 64, 3, 3}), none),
                      Catch::Matchers::Contains("conv2d: input 8x5x6x32 has 32 channels, weight 128x64x3x3 wants 64"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 7, 1}), none),
                      Catch::Matchers::Contains("conv2d: a kernel of 7"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1, 1}), Tensor<float>({5})),
                      Catch::Matchers::Contains("conv2d: bias 5"));
  REQUIRE_THROWS_WITH(conv2d(Tensor<float>({5, 6, 32}), Tensor<float>({4, 32, 1, 1}), none),
                      Catch::Matchers::Contains("conv2d: input 5x6x32 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1}), none),
                      Catch::Matchers::Contains("weight 4x32x1 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({4, 32, 1, 1}), none, {.stride = 0}),
                      Catch::Matchers::Contains("conv2d: stride"));
  REQUIRE_THROWS_WITH(conv2d(x, Tensor<float>({5, 16, 1, 1}), none, {.groups = 2}),
                      Catch::Matchers::Contains("conv2d: 2 groups do not divide"));
}

TEST_CASE("a convolution of an empty batch is empty") {
  REQUIRE(conv2d(Tensor<float>({0, 5, 5, 3}), Tensor<float>({4, 3, 3, 3}), Tensor<float>()).shape() ==
          Shape({0, 3, 3, 4}));
}
