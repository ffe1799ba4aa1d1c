// add, sub, mul, div, maximum, minimum: broadcasting, integers, gradients, what is kept, and errors. The reference
// cases are walked in elementwise_test.cpp.
#include <fovea/ops/arithmetic.h>
#include <support/gradcheck.h>

using namespace fovea;

TEST_CASE("shapes broadcast as in NumPy") {
  REQUIRE(broadcast_shapes("add", {8, 1, 6, 1}, {7, 1, 5}) == Shape({8, 7, 6, 5}));
  REQUIRE(broadcast_shapes("add", {}, {3}) == Shape({3}));
  REQUIRE(broadcast_shapes("add", {0, 1}, {1, 4}) == Shape({0, 4}));
  REQUIRE_THROWS_WITH(
      add(Tensor<float>({2, 3}), Tensor<float>({2, 4})),
      Catch::Matchers::Equals("add: shapes 2x3 and 2x4 do not broadcast: sizes 3 and 4 of dimension -1 must be "
                              "equal or 1"));
  REQUIRE_THROWS_WITH(mul(Tensor<float>({2, 3}), Tensor<float>()), Catch::Contains("mul: the second operand"));
}

TEST_CASE("random broadcasts equal an element by element computation") {
  test::Random random(test::seed());
  for (int i = 0; i < 200; ++i) {
    std::vector<std::int64_t> size(static_cast<std::size_t>(random.between(0, 5)));
    for (std::int64_t& s : size) s = random.between(1, 5);
    const auto repeat_some = [&] {
      std::vector<std::int64_t> s(size.begin() + random.between(0, static_cast<std::int64_t>(size.size())), size.end());
      for (std::int64_t& v : s)
        if (random.between(0, 2) == 0) v = 1;
      Tensor<std::int32_t> t{Shape(std::span<const std::int64_t>(s))};
      for (std::int32_t& v : t.mutable_values()) v = static_cast<std::int32_t>(random.between(-9, 9));
      return t;
    };
    const Tensor<std::int32_t> a = repeat_some(), b = repeat_some();
    const Tensor<std::int32_t> y = sub(a, b);
    INFO("seed " << test::seed() << ", case " << i << ": " << a.shape() << " and " << b.shape());
    const auto element = [&](const Tensor<std::int32_t>& t, std::int64_t flat) {  // of y's index `flat`
      std::int64_t at = 0, step = 1;
      for (int d = 1; d <= y.rank(); ++d) {
        if (d <= t.rank()) at += (t.size(-d) == 1 ? 0 : flat % y.size(-d)) * step, step *= t.size(-d);
        flat /= y.size(-d);
      }
      return t.data()[at];
    };
    for (std::int64_t k = 0; k < y.numel(); ++k) REQUIRE(y.data()[k] == element(a, k) - element(b, k));
  }
}

TEST_CASE("integers wrap around, and refuse a number that they cannot hold") {
  const Tensor<std::int8_t> x({2}, {127, -128});
  REQUIRE(add(x, 1.0).at(0) == -128);
  REQUIRE(sub(x, 1.0).at(1) == 127);
  REQUIRE(mul(Tensor<std::int32_t>({1}, 65536), 65536.0).at(0) == 0);
  REQUIRE_THROWS_WITH(add(x, 0.5), Catch::Matchers::Equals("add: number 0.5 is not a value of int8"));
  REQUIRE_THROWS_WITH(add(x, 200.0), Catch::Matchers::Equals("add: number 200 is not a value of int8"));
  REQUIRE_THROWS_WITH(mul(Tensor<std::int64_t>({1}), 0x1p63), Catch::Contains("is not a value of int64"));
}

namespace {
// Two shapes that broadcast to one of up to four dimensions.
std::pair<Shape, Shape> random_operands(test::Random& random) {
  std::vector<std::int64_t> size(static_cast<std::size_t>(random.between(0, 4)));
  for (std::int64_t& s : size) s = random.between(1, 4);
  const auto repeat_some = [&] {
    std::vector<std::int64_t> s(size.begin() + random.between(0, static_cast<std::int64_t>(size.size())), size.end());
    for (std::int64_t& v : s)
      if (random.between(0, 2) == 0) v = 1;
    return Shape(std::span<const std::int64_t>(s));
  };
  const Shape a = repeat_some();
  return {a, repeat_some()};
}
}  // namespace

TEST_CASE("gradients of arithmetic agree with finite differences over random broadcasts") {
  test::Random random(test::seed());
  for (int i = 0; i < 24; ++i) {
    const auto [a_shape, b_shape] = random_operands(random);
    const Tensor<double> a = test::random_tensor(random, a_shape, 2), b = test::random_tensor(random, b_shape, 2, 0.5);
    const std::vector<Tensor<double>> both = {a, b};
    INFO("seed " << test::seed() << ", " << a_shape << " and " << b_shape);
    test::gradcheck(both, [](const auto& in) { return add(in[0], in[1]); });
    test::gradcheck(both, [](const auto& in) { return sub(in[0], in[1]); });
    test::gradcheck(both, [](const auto& in) { return mul(in[0], in[1]); });
    test::gradcheck(both, [](const auto& in) { return div(in[0], in[1]); });
    test::gradcheck({b}, [](const auto& in) { return mul(in[0], in[0]); });
    test::adjoint_check(a, [&](const auto& x) { return sub(Tensor<double>(b.shape()), x); });
    test::adjoint_check(a, [&](const auto& x) { return mul(x, b); });
  }
}

TEST_CASE("gradients of arithmetic with a number, first and second") {
  test::Random random(test::seed());
  for (int i = 0; i < 10; ++i) {
    const double s = 0.5 * i - 2.25;
    const Tensor<double> x = test::random_tensor(random, {random.between(0, 3), random.between(1, 5)}, 2, 0.5);
    test::gradcheck({x}, [&](const auto& in) { return add(in[0], s); });
    test::gradcheck({x}, [&](const auto& in) { return sub(in[0], s); });
    test::gradcheck({x}, [&](const auto& in) { return mul(in[0], s); });
    test::gradcheck({x}, [&](const auto& in) { return div(in[0], s); });
    test::gradcheck({x}, [&](const auto& in) { return add(s, in[0]); });
    test::gradcheck({x}, [&](const auto& in) { return sub(s, in[0]); });
    test::gradcheck({x}, [&](const auto& in) { return mul(s, in[0]); });
    test::gradcheck({x}, [&](const auto& in) { return div(s, in[0]); });
  }
}

TEST_CASE("gradients of maximum and minimum go to the chosen operand, half to each at a tie") {
  test::Random random(test::seed());
  for (int i = 0; i < 12; ++i) {
    const auto [a_shape, b_shape] = random_operands(random);
    // Multiples of 1/16, and odd multiples of 1/32: no two are equal or near.
    Tensor<double> a(a_shape), b(b_shape);
    for (double& v : a.mutable_values()) v = static_cast<double>(random.between(-32, 32)) / 16;
    for (double& v : b.mutable_values()) v = static_cast<double>(2 * random.between(-32, 32) + 1) / 32;
    test::gradcheck({a, b}, [](const auto& in) { return maximum(in[0], in[1]); });
    test::gradcheck({a, b}, [](const auto& in) { return minimum(in[0], in[1]); });
  }
  const Tensor<float> a({3}, {1, 2, 3}), b({3}, {1, 5, 0});
  Tape tape{a, b};
  const Gradients g = tape.backward(maximum(a, b), Tensor<float>({3}, 1.f));
  REQUIRE(std::ranges::equal(g.of(a).values(), std::vector<float>{0.5, 0, 1}));
  REQUIRE(std::ranges::equal(g.of(b).values(), std::vector<float>{0.5, 1, 0}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(std::isnan(maximum(Tensor<float>({1}, nan), Tensor<float>({1}, 1.f)).item()));
  REQUIRE(std::isnan(minimum(Tensor<float>({1}, 1.f), Tensor<float>({1}, nan)).item()));
}

TEST_CASE("arithmetic keeps what its gradient reads and nothing else") {
  const auto kept = [](bool a_watched, bool b_watched, auto op) {
    const auto a = Tensor<float>({1000}, 1.f), b = Tensor<float>({1000}, 2.f);
    Tape tape;
    if (a_watched) tape.watch(a);
    if (b_watched) tape.watch(b);
    const std::int64_t before = live_bytes();
    // Products of temporaries: only the tape can keep these alive.
    const Tensor<float> y = [&] {
      const Tensor<float> p = Tensor<float>({1000}, 3.f), q = Tensor<float>({1000}, 4.f);
      return op(add(a, p), add(b, q));
    }();
    return (live_bytes() - before) / 4000 - 1;
  };
  const auto plus = [](const auto& a, const auto& b) { return add(a, b); };
  const auto minus = [](const auto& a, const auto& b) { return sub(a, b); };
  const auto product = [](const auto& a, const auto& b) { return mul(a, b); };
  const auto quotient = [](const auto& a, const auto& b) { return div(a, b); };
  for (const bool a : {false, true})
    for (const bool b : {false, true}) {
      REQUIRE(kept(a, b, plus) == 0);
      REQUIRE(kept(a, b, minus) == 0);
      REQUIRE(kept(a, b, product) == a + b);
      REQUIRE(kept(a, b, quotient) == (b ? 2 : a));
    }
}
