// What ops say of wrong axes, weights, labels and options, where no other test of the op does.
#include <fovea/ops.h>
#include <support/catch.h>

using namespace fovea;
using Catch::Contains;
using Catch::Matchers::Equals;

TEST_CASE("conv_transpose2d names the sizes that do not fit") {
  const Tensor<float> x({1, 5, 6, 4}), none;
  const Tensor<float> weight({4, 3, 3, 3});
  REQUIRE_THROWS_WITH(conv_transpose2d(x, Tensor<float>({5, 3, 3, 3})),
                      Equals("conv_transpose2d: input 1x5x6x4 has 4 channels, weight 5x3x3x3 wants 5"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, {}, {.groups = 3}),
                      Equals("conv_transpose2d: 3 groups do not divide the 4 channels of input 1x5x6x4"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, Tensor<float>({4})),
                      Equals("conv_transpose2d: bias 4, weight 4x3x3x3 wants 3"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, Tensor<float>({3}), {.groups = 2}),
                      Equals("conv_transpose2d: bias 3, weight 4x3x3x3 wants 6"));
  REQUIRE_THROWS_WITH(conv_transpose2d(Tensor<float>({5, 6, 4}), weight), Contains("input 5x6x4 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, Tensor<float>({4, 3, 9})), Contains("weight 4x3x9 has 3 dimensions"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, {}, {.stride = 0}), Contains("conv_transpose2d: stride 0x0"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, {}, {.stride = 2, .output_padding = 2}),
                      Contains("output_padding 2x2 must be smaller than stride or dilation"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, {}, {.padding = Padding::same()}), Contains("give the numbers"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, weight, {}, {.padding = 4}),
                      Contains("conv_transpose2d: an input of 5 with a kernel of 3, stride 1 and padding 4,4 gives an "
                               "output of -1; 1 or more is wanted"));
  REQUIRE_THROWS_WITH(conv_transpose2d(none, weight), Contains("conv_transpose2d: input is undefined"));
  REQUIRE_THROWS_WITH(conv_transpose2d(x, none), Contains("conv_transpose2d: weight is undefined"));
}

TEST_CASE("losses name a wrong weight, target and option") {
  const Tensor<float> x({2, 3}), two({2}), none;
  const Tensor<std::int64_t> labels({2}, {0, 1});
  REQUIRE_THROWS_WITH(binary_cross_entropy_with_logits(x, x, Reduction::mean, two),
                      Contains("input 2x3 has 3 channels, pos_weight 2 wants 2"));
  REQUIRE_THROWS_WITH(binary_cross_entropy_with_logits(x, x, Reduction::mean, x),
                      Contains("pos_weight 2x3 has 2 dimensions, C is wanted"));
  const Tensor<float> number(Shape{}, 1.f);
  REQUIRE_THROWS_WITH(binary_cross_entropy_with_logits(number, number, Reduction::mean, two),
                      Contains("input scalar has no channels"));
  REQUIRE_THROWS_WITH(binary_cross_entropy_with_logits(x, two), Contains("input 2x3, target 2: they must be equal"));
  REQUIRE_THROWS_WITH(nll_loss(x, labels, {.weight = two}),
                      Equals("nll_loss: input 2x3 has 3 channels, weight 2 wants 2"));
  REQUIRE_THROWS_WITH(nll_loss(x, Tensor<std::int64_t>({2, 1})),
                      Equals("nll_loss: input 2x3 wants labels 2, target is 2x1"));
  REQUIRE_THROWS_WITH(cross_entropy(x, Tensor<std::int64_t>({2}, {0, -1})),
                      Equals("cross_entropy: label -1 of row 1, the input has 3 classes"));
  REQUIRE_THROWS_WITH(cross_entropy(x, labels, {.label_smoothing = -0.1}), Contains("label_smoothing -0.1"));
  REQUIRE_THROWS_WITH(cross_entropy(none, labels), Contains("cross_entropy: input is undefined"));
  REQUIRE_THROWS_WITH(cross_entropy(x, Tensor<std::int64_t>()), Contains("cross_entropy: target is undefined"));
  REQUIRE_THROWS_WITH(cross_entropy(Tensor<float>({2, 0}), labels), Contains("scores of C >= 1 classes"));
  // Feature maps of scores: labels of each pixel.
  REQUIRE_THROWS_WITH(cross_entropy(Tensor<float>({2, 4, 4, 3}), labels),
                      Equals("cross_entropy: input 2x4x4x3 wants labels 2x4x4, target is 2"));
  REQUIRE_THROWS_WITH(l1_loss(x, none), Contains("l1_loss: target is undefined"));
  REQUIRE_THROWS_WITH(huber_loss(x, two), Equals("huber_loss: input 2x3, target 2: they must be equal"));
  REQUIRE_THROWS_WITH(kl_div(x, two), Contains("input 2x3, target 2: they must be equal"));
  REQUIRE_THROWS_WITH(sigmoid_focal_loss(x, x, 0.25, -1), Contains("sigmoid_focal_loss: alpha 0.25, gamma -1"));
  REQUIRE_THROWS_WITH(distillation_loss(x, none), Contains("distillation_loss: teacher is undefined"));
}

TEST_CASE("ops along an axis name the axis and the input") {
  const Tensor<float> x({2, 3});
  REQUIRE_THROWS_WITH(log_softmax(x, 2), Equals("log_softmax: axis 2 of input 2x3, which has 2 dimensions"));
  REQUIRE_THROWS_WITH(logsumexp(x, -3), Contains("logsumexp: axis -3 of input 2x3"));
  REQUIRE_THROWS_WITH(softmax(Tensor<float>(Shape{}, 1.f)), Contains("softmax: axis -1 of input scalar"));
  REQUIRE_THROWS_WITH(mean(x, {5}), Contains("mean: axis 5 of input 2x3"));
  REQUIRE_THROWS_WITH(var(x, {-3}), Contains("var: axis -3 of input 2x3"));
  REQUIRE_THROWS_WITH(std_dev(x, {0, 0}), Contains("std_dev: axis 0 of input 2x3 is named twice"));
  REQUIRE_THROWS_WITH(norm(x, {2}), Contains("norm: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(cumsum(x, 2), Contains("cumsum: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(sort(x, 2), Contains("sort: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(slice(x, 2, 0, 1), Contains("slice: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(
      slice(x, 1, 0, 4),
      Equals("slice: [0, 4) by 1 of dimension 1 of input 2x3; a range within [0, 3) by 1 or more is wanted"));
  REQUIRE_THROWS_WITH(slice(x, 1, 0, 3, 0), Contains("slice: [0, 3) by 0"));
  REQUIRE_THROWS_WITH(index_select(x, 2, Tensor<std::int64_t>({1})), Contains("index_select: axis 2 of input 2x3"));
}

TEST_CASE("activations, pools and element-wise ops name a wrong option") {
  const Tensor<float> x({1, 4, 4, 3}), none;
  REQUIRE_THROWS_WITH(softplus(x, 0), Equals("softplus: beta 0, another number is wanted"));
  REQUIRE_THROWS_WITH(hardtanh(x, 2, 1), Equals("hardtanh: min_val 2 is above max_val 1"));
  REQUIRE_THROWS_WITH(gem_pool(x, 0), Contains("gem_pool: p 0"));
  REQUIRE_THROWS_WITH(gem_pool(x, 3, 0), Contains("eps 0 must be positive"));
  REQUIRE_THROWS_WITH(gem_pool(Tensor<float>({1, 0, 4, 3})), Contains("gem_pool: input 1x0x4x3 has no pixels"));
  REQUIRE_THROWS_WITH(prelu(x, none), Contains("prelu: weight is undefined"));
  REQUIRE_THROWS_WITH(prelu(x, Tensor<float>({2})), Contains("weight 2 wants 2"));
  REQUIRE_THROWS_WITH(where(Tensor<std::uint8_t>({2}), Tensor<float>({3}), Tensor<float>({3})),
                      Contains("where: shapes 2 and 3 do not broadcast"));
  REQUIRE_THROWS_WITH(where(Tensor<std::uint8_t>(), x, x), Contains("where: mask is undefined"));
  REQUIRE_THROWS_WITH(axpby(2, x, 3, Tensor<float>({2})), Contains("1x4x4x3 and 2 do not broadcast"));
}
