// The group ops-elementwise of the reference: arithmetic and elementary functions, forward and backward; gradients by
// finite differences; values at the edges.
#include <limits>

#include <fovea/ops/elementwise.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::CaseInputs;
using test::ReferenceCase;

template <class T, class A, class B>
Tensor<T> arithmetic(const std::string& op, const A& a, const B& b) {
  return op == "add" ? add(a, b) : op == "sub" ? sub(a, b) : op == "mul" ? mul(a, b) : div(a, b);
}
template <class T>
Tensor<T> arithmetic_case(const ReferenceCase& c, const CaseInputs<T>& in) {
  const Tensor<T> a = in("a");
  Tensor<T> b = in("b");
  if (!a.defined()) return arithmetic<T>(c.op, c.attrs.at("scalar").get<double>(), b);
  if (c.attrs.contains("scalar")) return arithmetic<T>(c.op, a, c.attrs.at("scalar").get<double>());
  if (!b.defined()) return arithmetic<T>(c.op, a, a);  // "the same tensor twice"
  if (c.attrs.value("rhs", "").starts_with("per-image")) b = b.reshape({b.size(0), 1, 1, b.size(1)});
  return arithmetic<T>(c.op, a, b);
}

// The op of a case by its name. One function for all kinds: each instantiation of a check costs compile time.
template <class T>
Tensor<T> apply(const ReferenceCase& c, const CaseInputs<T>& in) {
  const Tensor<T> a = in("a"), b = in("b");
  const auto number = [&](const char* key) { return c.attrs.at(key).get<double>(); };
  if (c.op == "neg") return neg(a);
  if (c.op == "abs") return abs(a);
  if (c.op == "exp") return exp(a);
  if (c.op == "square") return square(a);
  if (c.op == "sin") return sin(a);
  if (c.op == "log") return log(a);
  if (c.op == "sqrt") return sqrt(a);
  if (c.op == "rsqrt") return rsqrt(a);
  if (c.op == "reciprocal") return reciprocal(a);
  if (c.op == "maximum") return maximum(a, b);
  if (c.op == "minimum") return minimum(a, b);
  if (c.op == "pow") return pow(a, number("exponent"));
  if (c.op == "clamp") return clamp(a, number("min"), number("max"));
  if (c.op == "where") return where(c.in<std::uint8_t>("mask"), a, b);
  if (c.op == "axpby") return axpby(number("alpha"), a, number("beta"), b);
  if (c.op == "graph") return add(add(mul(a, b), div(a, b)), a);
  return arithmetic_case(c, in);
}

void check(const ReferenceCase& c) {
  const auto op = [&]<class T>(const CaseInputs<T>& in) { return apply(c, in); };
  if (c.op != "graph" && c.op != "axpby") return test::check_op(c, op);
  // Several roundings in a row, so only the wide types.
  test::require_close(op(CaseInputs<double>(c)), c.out(), 1e-12);
  test::require_close(op(CaseInputs<float>(c)), c.out(), 1e-5);
  test::check_gradients(c, op);
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-elementwise",
    .checks = {{"add", check},     {"sub", check},  {"mul", check},   {"div", check},        {"graph", check},
               {"neg", check},     {"abs", check},  {"exp", check},   {"square", check},     {"sin", check},
               {"log", check},     {"sqrt", check}, {"rsqrt", check}, {"reciprocal", check}, {"maximum", check},
               {"minimum", check}, {"pow", check},  {"clamp", check}, {"where", check},      {"axpby", check}},
    .later = {}};
}  // namespace

TEST_CASE("elementwise ops equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("elementwise ops equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("gradients of elementary functions agree with finite differences") {
  test::Random random(test::seed());
  for (int i = 0; i < 12; ++i) {
    const Shape shape = i == 0   ? Shape{}
                        : i == 1 ? Shape{0, 3}
                                 : Shape{random.between(1, 3), random.between(1, 4), random.between(1, 5)};
    const Tensor<double> x = test::random_tensor(random, shape, 2, 0.5);
    Tensor<double> positive = x.clone();
    for (double& v : positive.mutable_values()) v = std::abs(v);
    INFO("shape " << shape);
    test::gradcheck({x}, [](const auto& in) { return neg(in[0]); });
    test::gradcheck({x}, [](const auto& in) { return abs(in[0]); });
    test::gradcheck({x}, [](const auto& in) { return exp(in[0]); });
    test::gradcheck({x}, [](const auto& in) { return square(in[0]); });
    test::gradcheck({x}, [](const auto& in) { return sin(in[0]); });
    test::gradcheck({positive}, [](const auto& in) { return log(in[0]); });
    test::gradcheck({positive}, [](const auto& in) { return sqrt(in[0]); });
    test::gradcheck({positive}, [](const auto& in) { return rsqrt(in[0]); });
    test::gradcheck({x}, [](const auto& in) { return reciprocal(in[0]); });
    test::gradcheck({positive}, [](const auto& in) { return pow(in[0], -0.7); });
    test::gradcheck({x}, [](const auto& in) { return pow(in[0], 3); });
    test::gradcheck({x}, [](const auto& in) { return pow(in[0], 0); });
    test::gradcheck({x}, [](const auto& in) { return clamp(in[0], -0.25, 0.25); });  // all outside
    test::gradcheck({x}, [](const auto& in) { return clamp(in[0], -0.25, 2.5); });
    test::adjoint_check(x, [](const auto& in) { return neg(in); });
  }
}

TEST_CASE("where and axpby broadcast, and their gradients with them") {
  test::Random random(test::seed());
  const std::vector<std::array<Shape, 3>> shapes = {{Shape{2, 3}, Shape{2, 3}, Shape{2, 3}},
                                                    {Shape{3}, Shape{2, 1}, Shape{}},
                                                    {Shape{}, Shape{4}, Shape{3, 1}},
                                                    {Shape{2, 1, 1, 3}, Shape{1, 4, 1, 1}, Shape{5, 1}},
                                                    {Shape{0, 1}, Shape{1, 3}, Shape{3}}};
  for (const auto& [m_shape, a_shape, b_shape] : shapes) {
    Tensor<std::uint8_t> mask(m_shape);
    for (std::uint8_t& v : mask.mutable_values()) v = static_cast<std::uint8_t>(random.between(0, 2));
    const Tensor<double> a = test::random_tensor(random, a_shape), b = test::random_tensor(random, b_shape);
    INFO(m_shape << ", " << a_shape << ", " << b_shape);
    test::gradcheck({a, b}, [&](const auto& in) { return where(mask, in[0], in[1]); });
    test::gradcheck({a, b}, [&](const auto& in) { return axpby(0.5, in[0], -3, in[1]); });
    test::adjoint_check(a, [&](const auto& x) { return where(mask, x, Tensor<double>(Shape{})); });
  }
  const Tensor<std::int32_t> y = where(Tensor<std::uint8_t>({3}, {0, 1, 200}), Tensor<std::int32_t>({3}, {1, 2, 3}),
                                       Tensor<std::int32_t>(Shape{}, 9));
  REQUIRE(std::ranges::equal(y.values(), std::vector<std::int32_t>{9, 2, 3}));
}

TEST_CASE("elementary functions have the values of C at the edges") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor<float> x({4}, {0, -1, inf, nan});
  REQUIRE(log(x).at(0) == -inf);
  REQUIRE(std::isnan(log(x).at(1)));
  REQUIRE(rsqrt(x).at(0) == inf);
  REQUIRE(std::isnan(sqrt(x).at(1)));
  REQUIRE(reciprocal(x).at(2) == 0);
  REQUIRE(std::isnan(clamp(x, -1, 1).at(3)));
  REQUIRE(clamp(x, -1, 1).at(2) == 1);
  REQUIRE_THROWS_WITH(clamp(x, 2, 1), Catch::Matchers::Equals("clamp: low 2 is above high 1"));
  REQUIRE_THROWS_WITH(exp(Tensor<float>()), Catch::Contains("exp: input is undefined"));
}

TEST_CASE("elementary functions keep one tensor at most") {
  const Tensor<float> x({1000}, 2.f);
  Tape tape{x};
  const std::int64_t before = live_bytes();
  const Tensor<float> y = exp(neg(add(x, 1.0)));  // exp's own output
  REQUIRE(live_bytes() - before == 4000);
}
