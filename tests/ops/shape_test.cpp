// pad and concat against the reference cases; integers and errors.
#include <fovea/ops/concat.h>
#include <fovea/ops/pad.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::Precision;
using test::ReferenceCase;

void check_pad(const ReferenceCase& c) {
  const std::map<std::string, PadMode> modes = {{"constant", PadMode::constant},
                                                {"reflect", PadMode::reflect},
                                                {"replicate", PadMode::replicate},
                                                {"circular", PadMode::circular}};
  const PadMode mode = modes.at(c.attrs.at("mode"));
  const double value = c.attrs.at("value").is_null() ? 0 : c.attrs.at("value").get<double>();
  test::check_op(
      c, [&](const auto& in) { return pad(in("x"), c.padding(), mode, value); }, Precision::exact);
}

void check_concat(const ReferenceCase& c) {
  const int axis = static_cast<int>(std::string("NHWC").find(c.attrs.at("axis").get<std::string>().at(0)));
  const auto op = [&]<class T>(T) {
    std::vector<Tensor<T>> inputs;
    for (const auto& [input, layout] : c.inputs.items()) inputs.push_back(c.in<T>(input));
    return concat(inputs, axis);
  };
  check_types(c, op, Precision::exact);
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-shape",
    .checks = {{"pad", check_pad}, {"concat", check_concat}},
    .later = {"argmax",       "channel_shuffle", "cumsum",  "flatten",       "flip",
              "index_select", "l1norm",          "max",     "mean",          "min",
              "norm",         "one_hot",         "permute", "pixel_shuffle", "slice",
              "sort",         "std-unbiased",    "sum",     "topk",          "var-biased",
              "var-unbiased"}};
}  // namespace

TEST_CASE("pad and concat equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("pad and concat equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("the gradient of every padding equals finite differences and is its adjoint") {
  struct Case {
    Shape x;
    Padding padding;
  };
  const std::vector<Case> cases = {{{1, 3, 4, 2}, 0},
                                   {{2, 4, 5, 3}, 1},
                                   {{1, 5, 6, 1}, {2, 3, 1, 4}},
                                   {{1, 4, 4, 2}, {-1, 2, 1, -2}},
                                   {{0, 3, 3, 2}, 2},
                                   {{1, 5, 5, 17}, {4, 0, 0, 4}},
                                   {{3, 2, 7, 1}, {1, 1, 6, 6}},
                                   {{1, 9, 2, 2}, {-3, -4, 0, 1}},
                                   {{2, 3, 3, 1}, {0, -1, -1, 0}},
                                   {{1, 6, 3, 4}, {5, 2, 2, 2}}};
  test::Random random(test::seed());
  for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular}) {
    for (const Case& k : cases) {
      INFO(name_of(mode) << " of " << k.x);
      const Tensor<double> x = test::random_tensor(random, k.x);
      test::gradcheck({x}, [&](const auto& in) { return pad(in[0], k.padding, mode, 1.5); });
      test::adjoint_check(x, [&](const auto& in) { return pad(in, k.padding, mode); });
    }
  }
}

TEST_CASE("pad refuses what a mode cannot take, and values that an integer type cannot hold") {
  const Tensor<std::int8_t> x({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6});
  REQUIRE(pad(x, {1, 0, 0, 0}, PadMode::constant, -128).at(0, 0, 0, 0) == -128);
  REQUIRE_THROWS_WITH(pad(x, 1, PadMode::constant, 300),
                      Catch::Matchers::Equals("pad: value 300 is not a value of int8"));
  REQUIRE_THROWS_WITH(pad(x, 1, PadMode::constant, 0.5),
                      Catch::Matchers::Equals("pad: value 0.5 is not a value of int8"));
  REQUIRE_THROWS_WITH(pad(x, {0, 2, 0, 0}, PadMode::reflect),
                      Catch::Matchers::Equals("pad: padding 0,2 of input 1x2x3x1, mode reflect takes at most 1"));
  REQUIRE_THROWS_WITH(pad(x, {0, 3, 0, 0}, PadMode::circular), Catch::Matchers::Contains("takes at most 2"));
  REQUIRE_THROWS_WITH(pad(x, {-1, -2, 0, 0}),
                      Catch::Matchers::Contains("removes more than the 2 positions of input 1x2x3x1"));
  REQUIRE_THROWS_WITH(pad(x, Padding::same()), Catch::Matchers::Contains("needs a window"));
  REQUIRE_THROWS_WITH(pad(Tensor<float>({2, 3}), 1), Catch::Matchers::Contains("pad: input 2x3 has 2 dimensions"));
}

TEST_CASE("concat takes one tensor, empty ones, and any axis") {
  const Tensor<float> a({2, 1}, {1, 2}), b({2, 2}, {3, 4, 5, 6}), none({2, 0});
  const Tensor<float> y = concat({a, none, b}, -1);
  REQUIRE(std::vector<float>(y.values().begin(), y.values().end()) == std::vector<float>{1, 3, 4, 2, 5, 6});
  REQUIRE(concat({a}, 0).shape() == a.shape());
}

TEST_CASE("concat of shapes that differ elsewhere names both") {
  const Tensor<float> a({2, 3}), b({3, 3}), c({2, 3, 1});
  REQUIRE_THROWS_WITH(concat({a, b}, 1),
                      Catch::Matchers::Equals("concat: inputs 2x3 and 3x3 may differ in dimension 1 only"));
  REQUIRE_THROWS_WITH(concat({a, c}, 1), Catch::Matchers::Contains("concat: inputs 2x3 and 2x3x1"));
  REQUIRE_THROWS_WITH(concat({a}, 2), Catch::Matchers::Contains("concat: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(concat(std::vector<Tensor<float>>(), 0), Catch::Matchers::Equals("concat: no tensors"));
}
