// Activations and softmax against the reference cases, and what they do to NaN, infinities and integers.
#include <limits>

#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/softmax.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::ReferenceCase;

template <Activation F>
void check_activation(const ReferenceCase& c) {
  check_types(c, [&]<class T>(T) { return activate(c.in<T>("x"), F); });
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-activation",
    .checks = {{"relu", check_activation<Activation::relu>},
               {"relu6", check_activation<Activation::relu6>},
               {"hardswish", check_activation<Activation::hardswish>},
               {"hardsigmoid", check_activation<Activation::hardsigmoid>},
               {"sigmoid", check_activation<Activation::sigmoid>},
               {"silu", check_activation<Activation::silu>},
               {"tanh", check_activation<Activation::tanh>},
               {"leaky_relu",
                [](const ReferenceCase& c) {
                  const double slope = c.attrs.at("slope");
                  check_types(c, [&]<class T>(T) { return leaky_relu(c.in<T>("x"), slope); });
                }},
               {"gelu",
                [](const ReferenceCase& c) {
                  const bool tanh_form = c.attrs.at("approximate") == "tanh";
                  check_types(c, [&]<class T>(T) { return tanh_form ? gelu_tanh(c.in<T>("x")) : gelu(c.in<T>("x")); });
                }},
               {"softmax",
                [](const ReferenceCase& c) {
                  const int axis = c.attrs.at("axis").is_number() ? c.attrs.at("axis").get<int>() : -1;
                  const double temperature = c.attrs.value("temperature", 1.0);
                  check_types(c, [&]<class T>(T) { return softmax(div(c.in<T>("x"), temperature), axis); });
                }}},
    .later = {"elu", "hardtanh", "log_softmax", "logsigmoid", "logsumexp", "mish", "prelu", "softplus"}};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Activation kAll[] = {
    Activation::relu,    Activation::relu6, Activation::leaky_relu, Activation::hardswish, Activation::hardsigmoid,
    Activation::sigmoid, Activation::silu,  Activation::gelu,       Activation::gelu_tanh, Activation::tanh};
}  // namespace

TEST_CASE("activations equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("activations equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("NaN comes out of every activation as NaN, at any place of a vector") {
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    for (const Activation f : kAll) {
      for (std::int64_t at = 0; at < 37; ++at) {
        Tensor<float> x(Shape{37}, 1.f);
        x.mutable_data()[at] = kNan;
        const Tensor<float> y = activate(x, f);
        INFO(name_of(f) << ", place " << at << ", cap " << name_of(isa));
        for (std::int64_t i = 0; i < 37; ++i) REQUIRE(std::isnan(y.data()[i]) == (i == at));
      }
    }
  }
}

TEST_CASE("activations have their limits at the infinities") {
  const Tensor<float> x({2}, {-kInfinity, kInfinity});
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    const auto limits = [&](Activation f, float low, float high) {
      const Tensor<float> y = activate(x, f);
      INFO(name_of(f) << ", cap " << name_of(isa));
      REQUIRE(y.at(0) == low);
      REQUIRE(y.at(1) == high);
    };
    limits(Activation::relu, 0, kInfinity);
    limits(Activation::relu6, 0, 6);
    limits(Activation::leaky_relu, -kInfinity, kInfinity);
    limits(Activation::hardsigmoid, 0, 1);
    limits(Activation::sigmoid, 0, 1);
    limits(Activation::tanh, -1, 1);
  }
}

TEST_CASE("gelu keeps the small values of its negative tail") {
  // x Phi(x) at -6 and -12, from the asymptotic series of Phi (relative error below 1e-4)
  const Tensor<double> y = gelu(Tensor<double>({2}, {-6, -12}));
  REQUIRE(std::abs(y.at(0) / -5.9195e-09 - 1) < 1e-3);
  REQUIRE(std::abs(y.at(1) / -2.1318e-32 - 1) < 1e-3);
}

TEST_CASE("integers know relu and relu6 only") {
  const Tensor<std::int8_t> x({4}, {-128, -1, 5, 127});
  REQUIRE(relu(x).at(0) == 0);
  REQUIRE(relu(x).at(3) == 127);
  REQUIRE(relu6(x).at(2) == 5);
  REQUIRE(relu6(x).at(3) == 6);
  REQUIRE_THROWS_WITH(sigmoid(x), Catch::Matchers::Equals("sigmoid: input 4 is int8, a floating type is wanted"));
}

TEST_CASE("identity returns the same value, and an undefined input is named") {
  const Tensor<float> x({3}, 1.f);
  REQUIRE(activate(x, Activation::identity).id() == x.id());
  REQUIRE_THROWS_WITH(relu(Tensor<float>()), Catch::Matchers::Contains("relu: input is undefined"));
}

TEST_CASE("softmax sums to one along any axis, and huge logits do not overflow") {
  Tensor<float> x({3, 4, 5});
  test::Random random(test::seed());
  for (float& v : x.mutable_values()) v = static_cast<float>(random.between(-1000, 1000));
  for (int axis = -3; axis < 3; ++axis) {
    const Tensor<float> y = softmax(x, axis);
    const int d = axis < 0 ? axis + 3 : axis;
    std::vector<double> sums(static_cast<std::size_t>(60 / x.size(d)), 0.0);
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t j = 0; j < 4; ++j)
        for (std::int64_t k = 0; k < 5; ++k)
          sums[static_cast<std::size_t>(d == 0 ? j * 5 + k : d == 1 ? i * 5 + k : i * 4 + j)] += y.at(i, j, k);
    for (const double s : sums) REQUIRE(std::abs(s - 1) < 1e-6);
  }
  REQUIRE_THROWS_WITH(softmax(x, 3), Catch::Matchers::Contains("softmax: axis 3 of input 3x4x5"));
  REQUIRE(softmax(Tensor<float>({0, 7})).shape() == Shape({0, 7}));
}
