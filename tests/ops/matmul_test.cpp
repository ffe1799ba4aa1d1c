// matmul and linear against the reference cases (bit for bit in float32: the inputs make every sum exact); errors.
#include <fovea/ops/linear.h>
#include <fovea/ops/matmul.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::Precision;
using test::ReferenceCase;

void check_matmul(const ReferenceCase& c) {
  const MatmulOptions options = {c.attrs.value("trans_a", false), c.attrs.value("trans_b", false)};
  test::check_op(
      c, [&](const auto& in) { return matmul(in("a"), in("b"), options); }, Precision::exact);
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-matmul",
    .checks = {{"matmul", check_matmul},
               {"bmm", check_matmul},
               {"linear",
                [](const ReferenceCase& c) {
                  test::check_op(
                      c, [](const auto& in) { return linear(in("x"), in.param("weight"), in.param("bias")); },
                      Precision::exact);
                }}},
    .later = {}};
}  // namespace

TEST_CASE("matmul and linear equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("matmul and linear equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("vectors lose the dimension that they were given") {
  const Tensor<double> v({3}, {1, 2, 3}), m({3, 2}, {1, 2, 3, 4, 5, 6});
  REQUIRE(matmul(v, v).shape() == Shape());
  REQUIRE(matmul(v, v).item() == 14);
  REQUIRE(matmul(v, m).shape() == Shape({2}));
  REQUIRE(matmul(v, m).at(1) == 28);
  REQUIRE(matmul(m, v, {.transpose_a = true}).at(0) == 22);
  REQUIRE(matmul(v, Tensor<double>({4, 3, 2})).shape() == Shape({4, 2}));
  REQUIRE(matmul(Tensor<double>({4, 2, 3}), v).shape() == Shape({4, 2}));
}

TEST_CASE("leading dimensions broadcast as in NumPy") {
  test::Random random(test::seed());
  Tensor<double> a({2, 1, 3, 4}), b({5, 4, 2});
  for (double& v : a.mutable_values()) v = static_cast<double>(random.between(-9, 9));
  for (double& v : b.mutable_values()) v = static_cast<double>(random.between(-9, 9));
  const Tensor<double> y = matmul(a, b);
  REQUIRE(y.shape() == Shape({2, 5, 3, 2}));
  for (std::int64_t p = 0; p < 2; ++p)
    for (std::int64_t q = 0; q < 5; ++q)
      for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 2; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < 4; ++k) sum += a.at(p, 0, i, k) * b.at(q, k, j);
          REQUIRE(y.at(p, q, i, j) == sum);
        }
}

TEST_CASE("gradients of products agree with finite differences in every form") {
  test::Random random(test::seed());
  struct Operands {
    Shape a, b;
  };
  std::vector<Operands> cases = {{{3}, {3}},
                                 {{3}, {3, 2}},
                                 {{2, 3}, {3}},
                                 {{4, 2, 3}, {3}},
                                 {{3}, {4, 3, 2}},
                                 {{1, 1}, {1, 1}},
                                 {{2, 1, 3, 4}, {5, 4, 2}},
                                 {{3, 4}, {2, 5, 4, 1}},
                                 {{0, 3}, {3, 2}},
                                 {{2, 0}, {0, 3}},
                                 {{7, 5}, {5, 3}},
                                 {{2, 3, 5}, {2, 5, 4}},
                                 {{2, 3, 5}, {1, 5, 4}},
                                 {{6, 1, 1, 2}, {3, 2, 2}}};
  for (const Operands& o : cases)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const auto stored = [](const Shape& s, bool transposed) {
          return transposed && s.rank() > 1 ? s.with(-1, s[-2]).with(-2, s[-1]) : s;
        };
        const Tensor<double> a = test::random_tensor(random, stored(o.a, ta)),
                             b = test::random_tensor(random, stored(o.b, tb));
        INFO("seed " << test::seed() << ", " << a.shape() << " by " << b.shape() << ", transposed " << ta << tb);
        test::gradcheck({a, b}, [&](const auto& in) { return matmul(in[0], in[1], {ta, tb}); });
        test::adjoint_check(a, [&](const auto& x) { return matmul(x, b, {ta, tb}); });
        test::adjoint_check(b, [&](const auto& x) { return matmul(a, x, {ta, tb}); });
      }
  const Tensor<double> x = test::random_tensor(random, {3, 3});
  test::gradcheck({x}, [](const auto& in) { return matmul(in[0], in[0], {.transpose_b = true}); });
}

TEST_CASE("gradients of linear agree with finite differences, and each direction is the adjoint of the other") {
  test::Random random(test::seed());
  struct Case {
    Shape x;
    std::int64_t outputs;
  };
  const Case cases[] = {{{3}, 2},      {{1}, 1},          {{2, 3}, 4},       {{1, 17}, 5},   {{5, 1}, 3},
                        {{0, 3}, 2},   {{2, 3, 4}, 5},    {{1, 1, 33}, 1},   {{3, 0, 4}, 2}, {{70, 2}, 3},
                        {{4, 31}, 33}, {{2, 2, 3, 7}, 6}, {{1, 5, 1, 2}, 19}};
  for (const Case& c : cases) {
    INFO("seed " << test::seed() << ", input " << c.x << ", outputs " << c.outputs);
    const Tensor<double> x = test::random_tensor(random, c.x),
                         weight = test::random_tensor(random, {c.outputs, c.x[-1]}),
                         bias = test::random_tensor(random, {c.outputs});
    test::gradcheck({x, weight, bias}, [](const auto& in) { return linear(in[0], in[1], in[2]); });
    test::gradcheck({x, weight}, [](const auto& in) { return linear(in[0], in[1]); });
    test::adjoint_check(x, [&](const auto& v) { return linear(v, weight); });
    test::adjoint_check(weight, [&](const auto& v) { return linear(x, v); });
    test::adjoint_check(bias, [&](const auto& v) { return linear(x, Tensor<double>(weight.shape()), v); });
  }
}

TEST_CASE("linear keeps its input for the weight's gradient, its weight for the input's, and nothing for the bias") {
  const Tensor<float> x({20, 30}), weight({40, 30}), bias({40});
  const auto kept = [&](std::initializer_list<AnyTensor> watched) {
    (void)linear(x, weight, bias);  // packs the weight
    Tape tape(watched);
    const std::int64_t before = live_bytes();
    const Tensor<float> y = linear(x.clone(), weight, bias);
    return live_bytes() - before - 20 * 40 * 4;
  };
  REQUIRE(kept({}) == 0);
  REQUIRE(kept({bias}) == 0);
  REQUIRE(kept({weight, bias}) == 20 * 30 * 4);
  REQUIRE(kept({x}) == 0);  // the weight lives anyway
}

TEST_CASE("a product keeps each operand for the gradient of the other, and is one record") {
  const Tensor<float> a({20, 30}), b({30, 40});
  const auto kept = [&](std::initializer_list<AnyTensor> watched) {
    Tape tape(watched);
    const std::int64_t before = live_bytes();
    const Tensor<float> y = matmul(a.clone(), b.clone());
    return live_bytes() - before - 20 * 40 * 4;
  };
  REQUIRE(kept({}) == 0);
  REQUIRE(kept({a}) == 30 * 40 * 4);
  REQUIRE(kept({b}) == 20 * 30 * 4);
  REQUIRE(kept({a, b}) == (20 * 30 + 30 * 40) * 4);
  Trace trace;
  (void)matmul(Tensor<float>({3}), Tensor<float>({3, 2}));
  REQUIRE(trace.records().size() == 1);
}

TEST_CASE("a sum of no terms is zero") {
  const Tensor<float> y = matmul(Tensor<float>({2, 0}), Tensor<float>({0, 3}));
  REQUIRE(y.shape() == Shape({2, 3}));
  for (const float v : y.values()) REQUIRE(v == 0);
  REQUIRE(matmul(Tensor<float>({0, 4}), Tensor<float>({4, 3})).shape() == Shape({0, 3}));
}

TEST_CASE("products whose sizes do not meet name both shapes") {
  const Tensor<float> a({2, 3}), b({4, 2});
  REQUIRE_THROWS_WITH(matmul(a, b), Catch::Matchers::Equals("matmul: 2x3 has 3 columns, 4x2 wants 4"));
  REQUIRE_THROWS_WITH(matmul(a, b, {.transpose_b = true}),
                      Catch::Matchers::Equals("matmul: 2x3 has 3 columns, 4x2 transposed wants 2"));
  REQUIRE_THROWS_WITH(matmul(Tensor<float>({2, 1, 3}), Tensor<float>({3, 3, 1})), Catch::Contains("do not broadcast"));
  REQUIRE_THROWS_WITH(matmul(a, Tensor<float>(Shape{})), Catch::Contains("matmul: 2x3 by scalar"));
  REQUIRE_THROWS_WITH(linear(a, Tensor<float>({5, 4}), Tensor<float>()),
                      Catch::Contains("linear: input 2x3 has 3 features"));
  REQUIRE_THROWS_WITH(linear(a, Tensor<float>({5, 3}), Tensor<float>({4})), Catch::Contains("linear: bias 4"));
  REQUIRE_THROWS_WITH(linear(a, Tensor<float>({5, 3, 1}), Tensor<float>()),
                      Catch::Contains("weight 5x3x1 has 3 dimensions"));
  REQUIRE_THROWS_WITH(linear(Tensor<float>(Shape{}, 1.f), Tensor<float>({5, 3})),
                      Catch::Contains("linear: input scalar has 0 features"));
  REQUIRE_THROWS_WITH(linear(a, Tensor<float>()), Catch::Contains("linear: weight is undefined"));
}
