// Resizing of feature maps, forward and backward, against the reference cases and finite differences; errors.
#include <fovea/ops/interpolate.h>
#include <support/gradcheck.h>
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
  const std::map<std::string, InterpolateMode> modes = {{"nearest", InterpolateMode::nearest},
                                                        {"nearest-exact", InterpolateMode::nearest_exact},
                                                        {"bilinear", InterpolateMode::bilinear},
                                                        {"bicubic", InterpolateMode::bicubic}};
  options.mode = modes.at(mode);
  const bool nearest = options.mode <= InterpolateMode::nearest_exact;
  if (!nearest) options.align_corners = c.attrs.at("align_corners");
  options.antialias = c.attrs.at("antialias");
  test::check_op(
      c, [&](const auto& in) { return interpolate(in("x"), options); },
      nearest ? test::Precision::exact : test::Precision::rounded);
}

const test::ReferenceGroupTest kGroup = {.group = "ops-interpolate",
                                         .checks = {{"nearest", check_interpolate},
                                                    {"nearest-exact", check_interpolate},
                                                    {"bilinear", check_interpolate},
                                                    {"bilinear antialias", check_interpolate},
                                                    {"bicubic", check_interpolate}},
                                         .later = {},
                                         .kind = [](const ReferenceCase& c) {
                                           return c.attrs.at("mode").get<std::string>() +
                                                  (c.attrs.at("antialias").get<bool>() ? " antialias" : "");
                                         }};

// Every mode with every option that it takes.
std::vector<InterpolateOptions> all_modes() {
  std::vector<InterpolateOptions> all = {{.mode = InterpolateMode::nearest}, {.mode = InterpolateMode::nearest_exact}};
  for (const InterpolateMode mode : {InterpolateMode::bilinear, InterpolateMode::bicubic}) {
    all.push_back({.mode = mode});
    all.push_back({.mode = mode, .align_corners = true});
    all.push_back({.mode = mode, .antialias = true});
  }
  return all;
}
}  // namespace

TEST_CASE("interpolate equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("interpolate equals all reference cases") { kGroup.run_shared(); }

TEST_CASE("the gradient of every mode equals finite differences and is its adjoint") {
  struct Sizes {
    Shape x;
    Size2 size;
    double scale = 0;
  };
  const std::vector<Sizes> sizes = {{{1, 1, 1, 1}, 1},      {{1, 1, 1, 2}, {3, 4}}, {{2, 3, 4, 3}, {6, 8}},
                                    {{1, 7, 5, 1}, {3, 2}}, {{0, 4, 4, 3}, {2, 5}}, {{1, 5, 1, 2}, {2, 6}},
                                    {{3, 2, 9, 1}, {5, 4}}, {{1, 6, 6, 5}, 6},      {{2, 4, 3, 2}, 0, 1.7},
                                    {{1, 9, 8, 1}, 0, 0.45}};
  test::Random random(test::seed());
  for (InterpolateOptions o : all_modes()) {
    for (const Sizes& s : sizes) {
      o.size = s.size, o.scale_h = o.scale_w = s.scale;
      INFO(name_of(o.mode) << (o.align_corners ? " align_corners" : "") << (o.antialias ? " antialias" : "") << ", "
                           << s.x << " to " << s.size.h << "x" << s.size.w << " or by " << s.scale);
      const Tensor<double> x = test::random_tensor(random, s.x);
      test::gradcheck({x}, [&](const auto& in) { return interpolate(in[0], o); });
      test::adjoint_check(x, [&](const auto& in) { return interpolate(in, o); });
    }
  }
}

TEST_CASE("smooth modes keep a constant map constant, with and without antialiasing") {
  for (InterpolateOptions o : all_modes()) {
    for (const Size2 size : {Size2(3, 20), Size2(13, 2)}) {
      o.size = size;
      INFO(name_of(o.mode) << (o.align_corners ? " align_corners" : "") << (o.antialias ? " antialias" : ""));
      const Tensor<double> y = interpolate(Tensor<double>({1, 7, 6, 2}, 2.5), o);
      for (const double v : y.values()) REQUIRE(std::abs(v - 2.5) < 1e-14);
    }
  }
}

TEST_CASE("integers resize by nearest only, and an empty batch stays empty") {
  const Tensor<std::uint8_t> x({1, 1, 2, 1}, {3, 200});
  const Tensor<std::uint8_t> y = interpolate(x, {.scale_h = 1, .scale_w = 2});
  REQUIRE(std::vector<std::uint8_t>(y.values().begin(), y.values().end()) == std::vector<std::uint8_t>{3, 3, 200, 200});
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 2, .mode = InterpolateMode::bilinear}),
                      Catch::Contains("interpolate: input 1x1x2x1 is uint8"));
  REQUIRE(interpolate(Tensor<float>({0, 2, 2, 3}), {.size = {4, 5}}).shape() == Shape({0, 4, 5, 3}));
}

TEST_CASE("interpolate wants a size or a scale, and says what it got") {
  const Tensor<float> x({1, 2, 2, 1});
  REQUIRE_THROWS_WITH(interpolate(x, {}), Catch::Contains("interpolate: size 0x0 and scale 0x0: exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 4, .scale_h = 2, .scale_w = 2}), Catch::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = {4, 0}}), Catch::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.scale_h = 2}), Catch::Contains("exactly one"));
  REQUIRE_THROWS_WITH(interpolate(x, {.scale_h = 0.4, .scale_w = 2}), Catch::Contains("scale 0.4 makes 0"));
  REQUIRE_THROWS_WITH(interpolate(x, {.size = 4, .align_corners = true}),
                      Catch::Contains("align_corners has no meaning in mode nearest"));
  REQUIRE_THROWS_WITH(interpolate(Tensor<float>({1, 0, 2, 1}), {.size = 4}), Catch::Contains("has no pixels"));
}
