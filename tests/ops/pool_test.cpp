// Pools, forward and backward, against the reference cases and finite differences; NaN, padding, empty batches,
// integers and errors.
#include <limits>

#include <fovea/ops/pool.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_op;
using test::Precision;
using test::ReferenceCase;

void check_max_pool(const ReferenceCase& c) {
  const PoolOptions options = {.kernel_size = c.size2("kernel"),
                               .stride = c.size2("stride"),
                               .padding = c.padding(),
                               .dilation = c.size2("dilation"),
                               .ceil_mode = c.attrs.at("ceil_mode")};
  check_op(
      c, [&](const auto& in) { return max_pool2d(in("x"), options); }, Precision::exact);
  if (c.outputs.contains("index")) {
    const Tensor<double> wanted = c.out("index");
    for (const Isa isa : test::caps()) {
      const test::CapIsa cap(isa);
      test::require_close(max_pool2d_with_index(c.in<float>("x"), options).index.to<double>(), wanted, 0);
    }
    test::require_close(max_pool2d_with_index(c.in<double>("x"), options).index.to<double>(), wanted, 0);
  }
  if (!c.is_same()) return;
  PoolOptions same = options;
  same.padding = Padding::same();
  check_op(
      c, [&](const auto& in) { return max_pool2d(in("x"), same); }, Precision::exact);
}

void check_avg_pool(const ReferenceCase& c) {
  const nlohmann::json& divisor = c.attrs.at("divisor_override");
  const AvgPoolOptions options = {.kernel_size = c.size2("kernel"),
                                  .stride = c.size2("stride"),
                                  .padding = c.padding(),
                                  .ceil_mode = c.attrs.at("ceil_mode"),
                                  .count_include_pad = c.attrs.at("count_include_pad"),
                                  .divisor_override = divisor.is_null() ? 0 : divisor.get<std::int64_t>()};
  check_op(c, [&](const auto& in) { return avg_pool2d(in("x"), options); });
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-pool",
    .checks = {{"max_pool2d", check_max_pool},
               {"avg_pool2d", check_avg_pool},
               {"adaptive_avg_pool2d",
                [](const ReferenceCase& c) {
                  check_op(c, [&](const auto& in) { return adaptive_avg_pool2d(in("x"), c.size2("output")); });
                }},
               {"adaptive_max_pool2d",
                [](const ReferenceCase& c) {
                  check_op(
                      c, [&](const auto& in) { return adaptive_max_pool2d(in("x"), c.size2("output")); },
                      Precision::exact);
                }},
               {"global_avg_pool",
                [](const ReferenceCase& c) { check_op(c, [&](const auto& in) { return global_avg_pool(in("x")); }); }},
               {"gem_pool",
                [](const ReferenceCase& c) {
                  const double p = c.attrs.at("p"), eps = c.attrs.at("eps");
                  check_op(c, [&](const auto& in) { return gem_pool(in("x"), p, eps); });
                }}},
    .later = {}};

struct Case {
  Shape shape;
  PoolOptions options;
};
const std::vector<Case> kCases = {{{1, 1, 1, 1}, {.kernel_size = 1}},
                                  {{2, 5, 7, 3}, {.kernel_size = 2}},
                                  {{1, 9, 8, 2}, {.kernel_size = 3, .stride = 2, .padding = 1}},
                                  {{2, 6, 5, 1}, {.kernel_size = 3, .stride = 1, .padding = 1}},
                                  {{1, 7, 7, 2}, {.kernel_size = 3, .stride = 2, .padding = 1, .ceil_mode = true}},
                                  {{1, 8, 9, 4}, {.kernel_size = {2, 3}, .stride = {3, 1}, .padding = {1, 0, 1, 2}}},
                                  {{0, 4, 4, 3}, {.kernel_size = 2}},
                                  {{3, 1, 6, 2}, {.kernel_size = {1, 4}, .stride = {1, 2}}},
                                  {{1, 5, 5, 17}, {.kernel_size = 2, .stride = 3, .padding = 1, .ceil_mode = true}},
                                  {{2, 4, 3, 5}, {.kernel_size = {4, 3}}},
                                  {{1, 6, 6, 2}, {.kernel_size = 3, .stride = 2, .padding = Padding::same()}}};

// Values in which any two differ by at least 0.01, in any order.
Tensor<double> distinct(test::Random& random, const Shape& shape) {
  Tensor<double> x(shape);
  double* p = x.mutable_data();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t j = random.between(0, i);
    p[i] = p[j], p[j] = 0.01 * static_cast<double>(i + 1);
  }
  return x;
}
}  // namespace

TEST_CASE("pools equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("pools equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("gradients of sliding pools equal finite differences, and the average's is its adjoint") {
  test::Random random(test::seed());
  for (const Case& k : kCases) {
    INFO(k.shape << ", kernel " << k.options.kernel_size.h << "x" << k.options.kernel_size.w);
    for (const std::int64_t dilation : {1, 2}) {
      PoolOptions o = k.options;
      o.dilation = dilation;
      if (dilation == 2 && (k.shape[1] < 7 || k.shape[2] < 7)) continue;
      test::gradcheck({distinct(random, k.shape)}, [&](const auto& in) { return max_pool2d(in[0], o); });
    }
    const Tensor<double> x = test::random_tensor(random, k.shape);
    for (const bool count_padding : {true, false}) {
      for (const std::int64_t divisor : {0, 3}) {
        const AvgPoolOptions o = {.kernel_size = k.options.kernel_size,
                                  .stride = k.options.stride,
                                  .padding = k.options.padding,
                                  .ceil_mode = k.options.ceil_mode,
                                  .count_include_pad = count_padding,
                                  .divisor_override = divisor};
        test::gradcheck({x}, [&](const auto& in) { return avg_pool2d(in[0], o); });
        test::adjoint_check(x, [&](const auto& in) { return avg_pool2d(in, o); });
      }
    }
  }
}

TEST_CASE("gradients of adaptive, global and generalised-mean pools equal finite differences") {
  test::Random random(test::seed());
  for (const Case& k : kCases) {
    const Tensor<double> x = distinct(random, k.shape);
    for (const Size2 out : {Size2(1), Size2(2, 3), Size2(7, 5)}) {
      INFO(k.shape << " to " << out.h << "x" << out.w);
      test::gradcheck({x}, [&](const auto& in) { return adaptive_max_pool2d(in[0], out); });
      test::gradcheck({x}, [&](const auto& in) { return adaptive_avg_pool2d(in[0], out); });
      test::adjoint_check(x, [&](const auto& in) { return adaptive_avg_pool2d(in, out); });
    }
    test::gradcheck({x}, [](const auto& in) { return global_avg_pool(in[0]); });
    test::adjoint_check(x, [](const auto& in) { return global_avg_pool(in); });
    for (const double p : {1., 3., 4.5})  // eps 0.105 clamps some of the values
      test::gradcheck({x}, [&](const auto& in) { return gem_pool(in[0], p, 0.105); });
  }
}

TEST_CASE("the gradient of a maximum goes to the first of equal values, and nowhere from a window of padding") {
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    const Tensor<float> x({1, 2, 2, 19}, -std::numeric_limits<float>::infinity());
    const auto [y, index] = max_pool2d_with_index(x, {.kernel_size = 2});
    for (const std::int32_t at : index.values()) REQUIRE(at == 0);
    Tape tape{x};
    const Tensor<float> dx = tape.backward(max_pool2d(x, {.kernel_size = 2}), Tensor<float>(y.shape(), 3.f)).of(x);
    for (std::int64_t i = 0; i < dx.numel(); ++i) REQUIRE(dx.data()[i] == (i < 19 ? 3 : 0));
  }
  const Tensor<float> one({1, 1, 1, 1}, 5.f);
  REQUIRE(max_pool2d_with_index(one, {.kernel_size = 2, .padding = 1, .dilation = 2}).index.item() == -1);
  Tape tape{one};
  const Tensor<float> y = max_pool2d(one, {.kernel_size = 2, .padding = 1, .dilation = 2});
  REQUIRE(tape.backward(y).of(one).item() == 0);
}

TEST_CASE("a place that a caller overwrites is noticed") {
  const Tensor<float> x({1, 2, 2, 1}, {1, 2, 3, 4});
  Tape tape{x};
  auto [y, index] = max_pool2d_with_index(x, {.kernel_size = 2});
  index.mutable_data()[0] = 0;
  REQUIRE_THROWS_WITH(tape.backward(y), Catch::Contains("max_pool2d: index 1x1x1x1 was changed in place"));
}

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
  REQUIRE_THROWS_WITH(max_pool2d(x, {.kernel_size = 5}), Catch::Contains("max_pool2d: a kernel of 5"));
  REQUIRE_THROWS_WITH(max_pool2d(x, {.kernel_size = 2, .padding = 2}),
                      Catch::Contains("max_pool2d: padding 2,2,2,2 of input 1x4x4x3 must be smaller"));
  REQUIRE_THROWS_WITH(avg_pool2d(x, {.kernel_size = 2, .padding = -1}), Catch::Contains("is negative"));
  REQUIRE_THROWS_WITH(avg_pool2d(x, {.kernel_size = 2, .divisor_override = -1}),
                      Catch::Contains("divisor_override -1"));
  REQUIRE_THROWS_WITH(adaptive_avg_pool2d(x, {0, 1}), Catch::Contains("adaptive_avg_pool2d: output size 0x1"));
  REQUIRE_THROWS_WITH(global_avg_pool(Tensor<float>({1, 0, 4, 3})), Catch::Contains("1x0x4x3 has no pixels"));
}
