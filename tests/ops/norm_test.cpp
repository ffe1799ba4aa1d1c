// Batch norm in both forms against the reference cases and finite differences; errors.
#include <fovea/ops/conv2d.h>
#include <fovea/ops/norm.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::ReferenceCase;

// One case as an op of CaseInputs. Stored statistics are no parameters, so they have no gradient.
template <class In>
auto run_batch_norm(const ReferenceCase& c, const In& in) {
  return batch_norm(in("x"), in.param("running_mean"), in.param("running_var"), in.param("weight"), in.param("bias"),
                    c.attrs.at("eps"));
}

// The training form, and the running statistics after commit.
template <class In>
auto run_batch_norm_train(const ReferenceCase& c, const In& in) {
  using T = typename In::type;
  using M = master_t<T>;
  Training scope(0);
  const Tensor<M> mean = in.param("running_mean").clone(), var = in.param("running_var").clone();
  const Tensor<T> y = batch_norm_train(in("x"), mean, var, in.param("weight"), in.param("bias"), c.attrs.at("eps"),
                                       c.attrs.at("momentum"));
  scope.commit();
  const double tolerance = std::is_same_v<M, double> ? 1e-12 : 1e-5;
  test::require_close(mean, c.out("running_mean_after"), tolerance);
  test::require_close(var, c.out("running_var_after"), tolerance);
  return y;
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-norm",
    .checks = {{"batch_norm",
                [](const ReferenceCase& c) { test::check_op(c, [&](const auto& in) { return run_batch_norm(c, in); }); }},
               {"batch_norm training",
                [](const ReferenceCase& c) {
                  const auto op = [&](const auto& in) { return run_batch_norm_train(c, in); };
                  test::require_close(op(test::CaseInputs<double>(c)), c.out(), 1e-12);
                  test::require_close(op(test::CaseInputs<float>(c)), c.out(), 1e-5);
                  test::check_gradients(c, op, test::Precision::rounded, 2e-5);
                }},
               {"fold_batch_norm",
                [](const ReferenceCase& c) {
                  const Conv2dOptions options = {.stride = c.size2("stride"), .padding = c.padding()};
                  const auto op = [&]<class T>(T) {
                    return batch_norm(conv2d(c.in<T>("x"), c.in<T>("weight"), {}, options), c.in<T>("mean"),
                                      c.in<T>("var"), c.in<T>("gamma"), c.in<T>("beta"), c.attrs.at("eps"));
                  };
                  test::require_close(op(double{}), c.out(), 1e-12);
                  test::require_close(op(float{}), c.out(), 1e-5);
                }}},
    .later = {"group_norm", "l2_normalize", "layer_norm"},
    .kind = [](const ReferenceCase& c) { return c.op + (c.attrs.value("training", false) ? " training" : ""); }};
}  // namespace

TEST_CASE("batch norm equals the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("batch norm equals all reference cases") { kGroup.run_shared(); }

TEST_CASE("batch norm refuses vectors of another length and a variance that is not positive") {
  const Tensor<float> x({1, 2, 2, 3}), three({3}, 1.f), four({4}, 1.f), none;
  REQUIRE_THROWS_WITH(batch_norm(x, four, three, none, none, 1e-5),
                      Catch::Matchers::Equals("batch_norm: input 1x2x2x3 has 3 channels, running_mean 4 wants 4"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, three, four, none, 1e-5), Catch::Matchers::Contains("weight 4 wants 4"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, none, none, none, 1e-5),
                      Catch::Matchers::Contains("running_var is undefined"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, Tensor<float>({3}, -1.f), none, none, 1e-5),
                      Catch::Matchers::Contains("running_var + eps of channel 0"));
}

TEST_CASE("batch norm of an empty batch is empty") {
  const Tensor<float> three({3}, 1.f);
  REQUIRE(batch_norm(Tensor<float>({0, 2, 2, 3}), three, three, three, three, 1e-5).shape() == Shape({0, 2, 2, 3}));
}

namespace {
struct NormCase {
  std::vector<Tensor<double>> inputs;  // x, weight, bias
  Tensor<double> mean, var;
};
NormCase norm_case(test::Random& random) {
  const std::int64_t n = random.between(1, 3), h = random.between(1, 4), w = random.between(2, 5),
                     channels = random.between(1, 5);
  NormCase c;
  c.inputs = {test::random_tensor(random, {n, h, w, channels}, 2), test::random_tensor(random, {channels}, 2),
              test::random_tensor(random, {channels})};
  c.mean = test::random_tensor(random, {channels});
  c.var = Tensor<double>({channels}, 0.7);
  return c;
}
}  // namespace

TEST_CASE("gradients of batch norm equal finite differences") {
  test::Random random(test::seed());
  for (int i = 0; i < 12; ++i) {
    const NormCase c = norm_case(random);
    test::gradcheck(c.inputs, [&](const auto& in) { return batch_norm(in[0], c.mean, c.var, in[1], in[2], 1e-3); });
    test::gradcheck(
        c.inputs,
        [&](const auto& in) {
          Training scope(1);
          return batch_norm_train(in[0], c.mean, c.var, in[1], in[2], 1e-3);
        },
        1e-5);
    test::gradcheck(
        {c.inputs[0]},
        [&](const auto& in) {
          Training scope(1);
          return batch_norm_train(in[0], c.mean, c.var, {}, {}, 1e-3);
        },
        1e-5);
  }
}

TEST_CASE("the training form of batch norm wants a scope and two pixels, and writes no buffer before commit") {
  const Tensor<float> x({2, 1, 1, 3}, {1, 2, 3, 5, 6, 7}), mean({3}), var({3}, 1.f), none;
  REQUIRE_THROWS_WITH(batch_norm_train(x, mean, var, none, none, 1e-5), Catch::Contains("outside a Training scope"));
  Training scope(1);
  REQUIRE_THROWS_WITH(batch_norm_train(x.view(0, 1), mean, var, none, none, 1e-5),
                      Catch::Contains("1 values a channel"));
  (void)batch_norm_train(x, mean, var, none, none, 1e-5, 0.5);
  REQUIRE(mean.values()[0] == 0);
  scope.commit();
  REQUIRE(mean.values()[0] == 1.5f);  // mean 3
  REQUIRE(var.values()[0] == 4.5f);   // unbiased variance 8
}

TEST_CASE("batch norm keeps its digits where the mean is far from 0") {
  Tensor<float> x({512, 1, 1, 1});
  for (std::int64_t i = 0; i < 512; ++i) x.mutable_data()[i] = 4096.f + static_cast<float>(i % 2);
  const detail::ChannelMoments m = detail::channel_moments(x);
  REQUIRE(m.mean[0] == 4096.5);
  REQUIRE(m.var[0] == 0.25);
}
