// Batch norm in both forms, layer norm, group norm and l2_normalize against the reference cases and finite differences;
// errors.
#include <cstring>
#include <functional>

#include <fovea/core/parallel_for.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/conv2d.h>
#include <fovea/ops/group_norm.h>
#include <fovea/ops/layer_norm.h>
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

// normalized_shape is a list, or says in words: the channels.
template <class In>
auto run_layer_norm(const ReferenceCase& c, const In& in) {
  const nlohmann::json& sizes = c.attrs.at("normalized_shape");
  const auto list =
      sizes.is_array() ? sizes.get<std::vector<std::int64_t>>() : std::vector<std::int64_t>{in("x").size(-1)};
  return layer_norm(in("x"), Shape(std::span<const std::int64_t>(list)), in.param("weight"), in.param("bias"),
                    c.attrs.at("eps"));
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-norm",
    .checks =
        {{"batch_norm",
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
              return batch_norm(conv2d(c.in<T>("x"), c.in<T>("weight"), {}, options), c.in<T>("mean"), c.in<T>("var"),
                                c.in<T>("gamma"), c.in<T>("beta"), c.attrs.at("eps"));
            };
            test::require_close(op(double{}), c.out(), 1e-12);
            test::require_close(op(float{}), c.out(), 1e-5);
          }},
         {"layer_norm",
          [](const ReferenceCase& c) { test::check_op(c, [&](const auto& in) { return run_layer_norm(c, in); }); }},
         {"group_norm",
          [](const ReferenceCase& c) {
            test::check_op(c, [&](const auto& in) {
              return group_norm(in("x"), c.attrs.at("groups"), in.param("weight"), in.param("bias"), c.attrs.at("eps"));
            });
          }},
         {"l2_normalize",
          [](const ReferenceCase& c) {
            test::check_op(
                c, [&](const auto& in) { return l2_normalize(in("x"), c.attrs.at("axis"), c.attrs.at("eps")); });
          }}},
    .later = {},
    .kind = [](const ReferenceCase& c) { return c.op + (c.attrs.value("training", false) ? " training" : ""); }};
}  // namespace

TEST_CASE("norms equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("norms equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("batch norm refuses vectors of another length and a variance that is not positive") {
  const Tensor<float> x({1, 2, 2, 3}), three({3}, 1.f), four({4}, 1.f), none;
  REQUIRE_THROWS_WITH(batch_norm(x, four, three, none, none, 1e-5),
                      Catch::Matchers::Equals("batch_norm: input 1x2x2x3 has 3 channels, running_mean 4 wants 4"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, three, four, none, 1e-5), Catch::Contains("weight 4 wants 4"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, none, none, none, 1e-5), Catch::Contains("running_var is undefined"));
  REQUIRE_THROWS_WITH(batch_norm(x, three, Tensor<float>({3}, -1.f), none, none, 1e-5),
                      Catch::Contains("running_var + eps of channel 0"));
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

TEST_CASE("gradients of layer norm equal finite differences") {
  test::Random random(test::seed());
  struct Case {
    Shape x, normalized;
  };
  const Case cases[] = {{{5}, {5}},
                        {{2, 3}, {3}},
                        {{3, 1}, {1}},
                        {{1, 7}, {1, 7}},
                        {{2, 3, 17}, {17}},
                        {{2, 3, 4}, {3, 4}},
                        {{4, 1, 2, 3}, {1, 2, 3}},
                        {{2, 3, 3, 5}, {5}},
                        {{1, 1, 1, 33}, {33}},
                        {{2, 1, 3, 2, 2}, {2}},
                        {{0, 4}, {4}},
                        {{70, 2}, {2}}};
  for (const Case& c : cases)
    for (const double eps : {1e-5, 0.1}) {
      INFO("seed " << test::seed() << ", input " << c.x << ", normalized " << c.normalized << ", eps " << eps);
      Tensor<double> x = test::random_tensor(random, c.x, 2);
      // Few values that lie close together are a kink of the width sqrt(eps): pull them apart.
      const std::int64_t length = c.normalized.numel();
      for (std::int64_t i = 0; length < 8 && i < x.numel(); ++i)
        x.mutable_data()[i] += 5 * static_cast<double>(i % length);
      const Tensor<double> weight = test::random_tensor(random, c.normalized, 2),
                           bias = test::random_tensor(random, c.normalized), none;
      test::gradcheck(
          {x, weight, bias}, [&](const auto& in) { return layer_norm(in[0], c.normalized, in[1], in[2], eps); }, 1e-5);
      test::gradcheck(
          {x}, [&](const auto& in) { return layer_norm(in[0], c.normalized, none, none, eps); }, 1e-5);
      test::gradcheck(
          {x, weight}, [&](const auto& in) { return layer_norm(in[0], c.normalized, in[1], none, eps); }, 1e-5);
      test::gradcheck(
          {x, bias}, [&](const auto& in) { return layer_norm(in[0], c.normalized, none, in[1], eps); }, 1e-5);
    }
}

TEST_CASE("gradients of group norm equal finite differences") {
  test::Random random(test::seed());
  struct Case {
    Shape x;
    std::int64_t groups;
  };
  const Case cases[] = {{{2, 3, 3, 4}, 2}, {{2, 3, 3, 4}, 4}, {{2, 3, 3, 4}, 1}, {{1, 1, 5, 6}, 3},
                        {{3, 2, 1, 9}, 3}, {{2, 8}, 2},       {{2, 5, 6}, 2},    {{1, 1, 1, 3}, 3},
                        {{0, 2, 2, 4}, 2}, {{2, 0, 2, 4}, 2}, {{2, 7, 5, 1}, 1}, {{2, 2, 2, 2, 4}, 2}};
  for (const Case& c : cases)
    for (const double eps : {1e-5, 0.1}) {
      INFO("seed " << test::seed() << ", input " << c.x << ", groups " << c.groups << ", eps " << eps);
      const Shape channels{c.x[-1]};
      const Tensor<double> x = test::random_tensor(random, c.x, 2), weight = test::random_tensor(random, channels, 2),
                           bias = test::random_tensor(random, channels), none;
      test::gradcheck(
          {x, weight, bias}, [&](const auto& in) { return group_norm(in[0], c.groups, in[1], in[2], eps); }, 1e-5);
      test::gradcheck(
          {x}, [&](const auto& in) { return group_norm(in[0], c.groups, none, none, eps); }, 1e-5);
      test::gradcheck(
          {x, bias}, [&](const auto& in) { return group_norm(in[0], c.groups, none, in[1], eps); }, 1e-5);
    }
}

TEST_CASE("gradients of l2_normalize equal finite differences, also where the length is below eps") {
  test::Random random(test::seed());
  for (const Shape& shape : {Shape{5}, Shape{2, 3}, Shape{3, 1}, Shape{2, 3, 4}, Shape{1, 7}, Shape{2, 1, 3, 5},
                             Shape{2, 3, 3, 5}, Shape{0, 4}, Shape{4, 2, 2}, Shape{1, 1, 1, 33}})
    for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
      INFO("seed " << test::seed() << ", input " << shape << ", axis " << axis);
      const Tensor<double> x = test::random_tensor(random, shape, 1, 0.2);
      test::gradcheck(
          {x}, [&](const auto& in) { return l2_normalize(in[0], axis); }, 1e-5);
      test::gradcheck(
          {x}, [&](const auto& in) { return l2_normalize(in[0], axis, 50); }, 1e-5);
    }
  const Tensor<float> y = l2_normalize(Tensor<float>({2, 2}, {3, 4, 0, 0}));
  REQUIRE(y.at(0, 0) == 0.6f);
  REQUIRE(y.at(1, 0) == 0.f);  // nothing is divided by 0
}

TEST_CASE("layer norm and group norm keep their digits where the mean is far from 0") {
  Tensor<float> x({1, 512});
  for (std::int64_t i = 0; i < 512; ++i) x.mutable_data()[i] = 4096.25f + static_cast<float>(i % 3);
  const Tensor<double> exact = layer_norm(x.to<double>(), {512});
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    INFO("cap " << name_of(isa));
    const Tensor<float> layer = layer_norm(x, {512}), group = group_norm(x, 1);
    test::require_close(layer, exact, 1e-6);
    test::require_close(group, exact, 4096 * 0x1p-23);  // x * scale + shift: the digits that shift lacks
  }
}

TEST_CASE("instance norm is group norm with as many groups as channels, batch norm of each sample") {
  test::Random random(test::seed());
  const Tensor<double> x = test::random_tensor(random, {3, 4, 5, 6}, 2), weight = test::random_tensor(random, {6}),
                       bias = test::random_tensor(random, {6});
  const Tensor<double> y = group_norm(x, 6, weight, bias);
  for (std::int64_t n = 0; n < 3; ++n) {
    Training scope(0);
    const Tensor<double> wanted =
        batch_norm_train(x.view(n, n + 1), Tensor<double>({6}), Tensor<double>({6}, 1.0), weight, bias, 1e-5);
    test::require_close(y.view(n, n + 1), wanted, 1e-12);
  }
}

TEST_CASE("norms have the same bits with 1, 2 and 7 threads") {
  test::Random random(test::seed());
  const Tensor<float> x = test::random_tensor(random, {3, 31, 29, 40}, 3).to<float>(),
                      weight = test::random_tensor(random, {40}).to<float>(), bias = weight.clone(),
                      dy = test::random_tensor(random, x.shape()).to<float>();
  using Run = std::function<Tensor<float>()>;
  const std::pair<const char*, Run> ops[] = {
      {"layer_norm", [&] { return layer_norm(x, {40}, weight, bias); }},
      {"group_norm", [&] { return group_norm(x, 8, weight, bias); }},
      {"l2_normalize", [&] { return mul(l2_normalize(x, 1), add(weight, bias)); }}};
  const int before = thread_count();
  for (const auto& [name, run] : ops) {
    std::vector<float> wanted;
    for (const int threads : {1, 2, 7}) {
      INFO(name << ", " << threads << " threads");
      set_thread_count(threads);
      Tape tape{x, weight, bias};
      const Tensor<float> y = run();
      const Gradients g = tape.backward(y, dy);
      std::vector<float> all(y.values().begin(), y.values().end());
      for (const Tensor<float>& t : {x, weight, bias})
        all.insert(all.end(), g.of(t).values().begin(), g.of(t).values().end());
      if (threads == 1) wanted = all;
      REQUIRE(std::memcmp(all.data(), wanted.data(), all.size() * sizeof(float)) == 0);
    }
  }
  set_thread_count(before);
}

TEST_CASE("a norm keeps its input for the gradients of input and weight, and nothing for that of the bias") {
  const Tensor<float> weight({16}, 1.f), bias({16});
  const auto kept = [](std::initializer_list<AnyTensor> watched, const auto& op) {
    const std::int64_t before = live_bytes();
    Tape tape(watched);
    (void)op(Tensor<float>({8, 4, 4, 16}, 1.f));
    return (live_bytes() - before) / (8 * 4 * 4 * 16 * 4);  // images; statistics are kept by value
  };
  const auto layer = [&](const Tensor<float>& x) { return layer_norm(x, {16}, weight, bias); };
  const auto group = [&](const Tensor<float>& x) { return group_norm(x, 4, weight, bias); };
  CHECK(kept({weight, bias}, layer) == 1);
  CHECK(kept({bias}, layer) == 0);
  CHECK(kept({}, layer) == 0);
  CHECK(kept({weight, bias}, group) == 1);
  CHECK(kept({bias}, group) == 0);
  CHECK(kept({}, group) == 0);
}

TEST_CASE("layer norm, group norm and l2_normalize refuse shapes and options that do not fit") {
  using Catch::Contains;
  using Catch::Matchers::Equals;
  const Tensor<float> x({2, 3, 3, 4}), four({4}, 1.f), three({3}, 1.f), none;
  REQUIRE_THROWS_WITH(layer_norm(x, {3}),
                      Equals("layer_norm: normalized_shape 3, input 2x3x3x4: its last dimensions, one or more, none of "
                             "size 0, are wanted"));
  REQUIRE_THROWS_WITH(layer_norm(x, Shape{}), Contains("normalized_shape scalar"));
  REQUIRE_THROWS_WITH(layer_norm(four, {1, 4}), Contains("normalized_shape 1x4, input 4"));
  REQUIRE_THROWS_WITH(layer_norm(Tensor<float>({2, 0}), {0}), Contains("none of size 0"));
  REQUIRE_THROWS_WITH(layer_norm(x, {4}, three),
                      Equals("layer_norm: weight 3, normalized_shape 4: they must be equal"));
  REQUIRE_THROWS_WITH(layer_norm(x, {3, 4}, none, four), Contains("bias 4, normalized_shape 3x4"));
  REQUIRE_THROWS_WITH(layer_norm(x, {4}, four, four, -1), Contains("eps -1"));
  REQUIRE_THROWS_WITH(layer_norm(none, {4}), Contains("layer_norm: input is undefined"));
  REQUIRE_THROWS_WITH(group_norm(x, 3), Equals("group_norm: 3 groups do not divide the 4 channels of input 2x3x3x4"));
  REQUIRE_THROWS_WITH(group_norm(x, 0), Contains("0 groups"));
  REQUIRE_THROWS_WITH(group_norm(four, 2), Contains("input 4 has 1 dimensions"));
  REQUIRE_THROWS_WITH(group_norm(x, 2, three), Contains("weight 3 wants 3"));
  REQUIRE_THROWS_WITH(group_norm(x, 2, none, three), Contains("bias 3 wants 3"));
  REQUIRE_THROWS_WITH(group_norm(x, 2, none, none, -1e-5), Contains("eps -1e-05"));
  REQUIRE_THROWS_WITH(l2_normalize(x, 4), Equals("l2_normalize: axis 4 of input 2x3x3x4, which has 4 dimensions"));
  REQUIRE_THROWS_WITH(l2_normalize(x, -1, 0), Contains("eps 0"));
}
