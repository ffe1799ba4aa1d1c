// Pools against the reference cases; NaN, padding, empty batches, integers and errors.
#include <limits>

#include <fovea/ops/pool.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::Precision;
using test::ReferenceCase;

void check_max_pool(const ReferenceCase& c) {
  const PoolOptions options = {.kernel_size = c.size2("kernel"),
                               .stride = c.size2("stride"),
                               .padding = c.padding(),
                               .dilation = c.size2("dilation"),
                               .ceil_mode = c.attrs.at("ceil_mode")};
  check_types(
      c, [&]<class T>(T) { return max_pool2d(c.in<T>("x"), options); }, Precision::exact);
  if (!c.is_same()) return;
  PoolOptions same = options;
  same.padding = Padding::same();
  check_types(
      c, [&]<class T>(T) { return max_pool2d(c.in<T>("x"), same); }, Precision::exact);
}

void check_avg_pool(const ReferenceCase& c) {
  const nlohmann::json& divisor = c.attrs.at("divisor_override");
  const AvgPoolOptions options = {.kernel_size = c.size2("kernel"),
                                  .stride = c.size2("stride"),
                                  .padding = c.padding(),
                                  .ceil_mode = c.attrs.at("ceil_mode"),
                                  .count_include_pad = c.attrs.at("count_include_pad"),
                                  .divisor_override = divisor.is_null() ? 0 : divisor.get<std::int64_t>()};
  check_types(c, [&]<class T>(T) { return avg_pool2d(c.in<T>("x"), options); });
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-pool",
    .checks = {{"max_pool2d", check_max_pool},
               {"avg_pool2d", check_avg_pool},
               {"adaptive_avg_pool2d",
                [](const ReferenceCase& c) {
                  check_types(c, [&]<class T>(T) { return adaptive_avg_pool2d(c.in<T>("x"), c.size2("output")); });
                }},
               {"adaptive_max_pool2d",
                [](const ReferenceCase& c) {
                  check_types(
                      c, [&]<class T>(T) { return adaptive_max_pool2d(c.in<T>("x"), c.size2("output")); },
                      Precision::exact);
                }},
               {"global_avg_pool",
                [](const ReferenceCase& c) {
                  check_types(c, [&]<class T>(T) { return global_avg_pool(c.in<T>("x")); });
                }}},
    .later = {"gem_pool"}};
}  // namespace

TEST_CASE("pools equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("pools equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("a NaN anywhere in a window is its maximum, and stays out of the others") {
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    for (std::int64_t at = 0; at < 9; ++at) {
      for (const std::int64_t channel : {0, 7, 18}) {
        Tensor<float> x({1, 3, 3, 19}, -1.f);
        x.mutable_data()[at * 19 + channel] = std::numeric_limits<float>::quiet_NaN();
        const Tensor<float> y = max_pool2d(x, {.kernel_size = 3});
        INFO("pixel " << at << ", channel " << channel << ", cap " << name_of(isa));
        for (std::int64_t c = 0; c < 19; ++c) REQUIRE(std::isnan(y.data()[c]) == (c == channel));
      }
    }
  }
}

TEST_CASE("padding never wins a maximum, also of integers and of minus infinity") {
  REQUIRE(max_pool2d(Tensor<std::int8_t>({1, 1, 1, 1}, -128), {.kernel_size = 3, .padding = 1}).item() == -128);
  REQUIRE(max_pool2d(Tensor<std::int32_t>({1, 1, 1, 1}, -5), {.kernel_size = 3, .padding = 1}).item() == -5);
  const float low = -std::numeric_limits<float>::infinity();
  REQUIRE(max_pool2d(Tensor<float>({1, 2, 2, 1}, low), {.kernel_size = 2}).item() == low);
}

TEST_CASE("padding may differ on each side") {
  const Tensor<float> x({1, 2, 2, 1}, {1, 2, 3, 4});
  const Tensor<float> y = avg_pool2d(x, {.kernel_size = 2, .stride = 1, .padding = {1, 0, 0, 1}});
  REQUIRE(y.shape() == Shape({1, 2, 2, 1}));
  REQUIRE(y.at(0, 0, 0, 0) == 0.75f);
  REQUIRE(y.at(0, 0, 1, 0) == 0.5f);
  REQUIRE(y.at(0, 1, 0, 0) == 2.5f);
  REQUIRE(y.at(0, 1, 1, 0) == 1.5f);
}

TEST_CASE("a window that sees only padding through its dilation gives minus infinity and zero") {
  const Tensor<float> x({1, 1, 1, 1}, 5.f);
  REQUIRE(max_pool2d(x, {.kernel_size = 2, .padding = 1, .dilation = 2}).item() ==
          -std::numeric_limits<float>::infinity());
}

TEST_CASE("pools of an empty batch are empty") {
  const Tensor<float> x({0, 4, 4, 3});
  REQUIRE(max_pool2d(x, {.kernel_size = 2}).shape() == Shape({0, 2, 2, 3}));
  REQUIRE(global_avg_pool(x).shape() == Shape({0, 3}));
}

TEST_CASE("a pool that does not fit says which op, sizes and what would be right") {
  const Tensor<float> x({1, 4, 4, 3});
  REQUIRE_THROWS_WITH(max_pool2d(Tensor<float>({4, 4, 3}), {.kernel_size = 2}),
                      Catch::Matchers::Equals("max_pool2d: input 4x4x3 has 3 dimensions, NxHxWxC is wanted"));
  REQUIRE_THROWS_WITH(max_pool2d(x, {.kernel_size = 5}), Catch::Matchers::Contains("max_pool2d: a kernel of 5"));
  REQUIRE_THROWS_WITH(max_pool2d(x, {.kernel_size = 2, .padding = 2}),
                      Catch::Matchers::Contains("max_pool2d: padding 2,2,2,2 of input 1x4x4x3 must be smaller"));
  REQUIRE_THROWS_WITH(avg_pool2d(x, {.kernel_size = 2, .padding = -1}), Catch::Matchers::Contains("is negative"));
  REQUIRE_THROWS_WITH(avg_pool2d(x, {.kernel_size = 2, .divisor_override = -1}),
                      Catch::Matchers::Contains("divisor_override -1"));
  REQUIRE_THROWS_WITH(adaptive_avg_pool2d(x, {0, 1}),
                      Catch::Matchers::Contains("adaptive_avg_pool2d: output size 0x1"));
  REQUIRE_THROWS_WITH(global_avg_pool(Tensor<float>({1, 0, 4, 3})), Catch::Matchers::Contains("1x0x4x3 has no pixels"));
}
