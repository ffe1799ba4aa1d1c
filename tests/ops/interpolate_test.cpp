// Nearest and bilinear resizing of feature maps against the reference cases; errors.
#include <fovea/ops/interpolate.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::ReferenceCase;

void check_interpolate(const ReferenceCase& c) {
  InterpolateOptions options;
  if (c.attrs.contains("size"))
    options.size = c.size2("size");
  else
    options.scale_h = options.scale_w = c.attrs.at("scale_factor");
  const std::string mode = c.attrs.at("mode");
  options.mode = mode == "bilinear"        ? InterpolateMode::bilinear
                 : mode == "nearest-exact" ? InterpolateMode::nearest_exact
                                           : InterpolateMode::nearest;
  const bool bilinear = options.mode == InterpolateMode::bilinear;
  if (bilinear) options.align_corners = c.attrs.at("align_corners");
  test::check_types(
      c, [&]<class T>(T) { return interpolate(c.in<T>("x"), options); },
      bilinear ? test::Precision::rounded : test::Precision::exact);
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-interpolate",
    .checks = {{"nearest", check_interpolate}, {"nearest-exact", check_interpolate}, {"bilinear", check_interpolate}},
    .later = {"bicubic", "bilinear antialias"},
    .kind = [](const ReferenceCase& c) {
      return c.attrs.at("mode").get<std::string>() + (c.attrs.at("antialias").get<bool>() ? " antialias" : "");
    }};
}  // namespace

TEST_CASE("interpolate equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("interpolate equals all reference cases") { kGroup.run_shared(); }

TEST_CASE("integers resize by nearest only, and an empty batch stays empty") {
  const Tensor<std::uint8_t> x({1, 1, 2, 1}, {3, 200});
  const Tensor<std::uint8_t> y = interpolate(x, {.scale_h = 1, .scale_w = 2});
  REQUIRE(std::vector<std::uint8_t>(y.values().begin(), y.values().end()) == std::vector<std::uint8_t>{3, 3, 200, 200});
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 2, .mode = InterpolateMode::bilinear}),
                      Catch::Matchers::Contains("interpolate: input 1x1x2x1 is uint8"));
  REQUIRE(interpolate(Tensor<float>({0, 2, 2, 3}), {.size = {4, 5}}).shape() == Shape({0, 4, 5, 3}));
}

TEST_CASE("interpolate wants a size or a scale, and says what it got") {
  const Tensor<float> x({1, 2, 2, 1});
  REQUIRE_THROWS_WITH(interpolate(x, {}),
                      Catch::Matchers::Contains("interpolate: size 0x0 and scale 0x0: exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 4, .scale_h = 2, .scale_w = 2}),
                      Catch::Matchers::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = {4, 0}}), Catch::Matchers::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.scale_h = 2}), Catch::Matchers::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.scale_h = 0.4, .scale_w = 2}), Catch::Matchers::Contains("scale 0.4 makes 0"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 4, .align_corners = true}),
                      Catch::Matchers::Contains("align_corners has no meaning in mode nearest"));
  REQUIRE_THROWS_WITH(interpolate(Tensor<float>({1, 0, 2, 1}), {.size = 4}),
                      Catch::Matchers::Contains("has no pixels"));
}
