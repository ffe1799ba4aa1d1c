// add, sub, mul, div against the reference cases; broadcasting, integers and errors.
#include <fovea/ops/arithmetic.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::ReferenceCase;

template <class T, class A, class B>
Tensor<T> apply(const std::string& op, const A& a, const B& b) {
  return op == "add" ? add(a, b) : op == "sub" ? sub(a, b) : op == "mul" ? mul(a, b) : div(a, b);
}

void check_binary(const ReferenceCase& c) {
  check_types(c, [&]<class T>(T) {
    const Tensor<T> a = c.in<T>("a");
    Tensor<T> b = c.in<T>("b");
    if (!a.defined()) return apply<T>(c.op, c.attrs.at("scalar").template get<double>(), b);
    if (c.attrs.contains("scalar")) return apply<T>(c.op, a, c.attrs.at("scalar").template get<double>());
    if (!b.defined()) return apply<T>(c.op, a, a);  // "the same tensor twice"
    if (c.attrs.value("rhs", "").starts_with("per-image")) b = b.reshape({b.size(0), 1, 1, b.size(1)});
    return apply<T>(c.op, a, b);
  });
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-elementwise",
    .checks = {{"add", check_binary},
               {"sub", check_binary},
               {"mul", check_binary},
               {"div", check_binary},
               {"graph",
                [](const ReferenceCase& c) {  // three roundings in float32, so only the wide types
                  const auto op = [&]<class T>(T) {
                    const Tensor<T> a = c.in<T>("a"), b = c.in<T>("b");
                    return add(add(mul(a, b), div(a, b)), a);
                  };
                  test::require_close(op(double{}), c.out(), 1e-12);
                  test::require_close(op(float{}), c.out(), 1e-5);
                }}},
    .later = {"abs", "axpby", "clamp", "exp", "log", "maximum", "minimum", "neg", "pow", "reciprocal", "rsqrt", "sin",
              "sqrt", "square", "where"}};
}  // namespace

TEST_CASE("arithmetic equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("arithmetic equals all reference cases") { kGroup.run_shared(); }

TEST_CASE("shapes broadcast as in NumPy") {
  REQUIRE(broadcast_shapes("add", {8, 1, 6, 1}, {7, 1, 5}) == Shape({8, 7, 6, 5}));
  REQUIRE(broadcast_shapes("add", {}, {3}) == Shape({3}));
  REQUIRE(broadcast_shapes("add", {0, 1}, {1, 4}) == Shape({0, 4}));
  REQUIRE_THROWS_WITH(
      add(Tensor<float>({2, 3}), Tensor<float>({2, 4})),
      Catch::Matchers::Equals("add: shapes 2x3 and 2x4 do not broadcast: sizes 3 and 4 of dimension -1 must be "
                              "equal or 1"));
  REQUIRE_THROWS_WITH(mul(Tensor<float>({2, 3}), Tensor<float>()),
                      Catch::Matchers::Contains("mul: the second operand"));
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
  REQUIRE_THROWS_WITH(mul(Tensor<std::int64_t>({1}), 0x1p63), Catch::Matchers::Contains("is not a value of int64"));
}
