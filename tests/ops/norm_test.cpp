// Batch norm in its evaluation form against the reference cases; errors.
#include <fovea/ops/conv2d.h>
#include <fovea/ops/norm.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::ReferenceCase;

template <class T>
Tensor<T> run_batch_norm(const ReferenceCase& c) {
  using M = master_t<T>;
  return batch_norm(c.in<T>("x"), c.in<M>("running_mean"), c.in<M>("running_var"), c.in<M>("weight"), c.in<M>("bias"),
                    c.attrs.at("eps"));
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-norm",
    .checks = {{"batch_norm",
                [](const ReferenceCase& c) { test::check_types(c, [&]<class T>(T) { return run_batch_norm<T>(c); }); }},
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
    .later = {"batch_norm training", "group_norm", "l2_normalize", "layer_norm"},
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
