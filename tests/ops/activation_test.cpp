// Activations and softmax, forward and backward, against the reference cases and finite differences; what they do to
// NaN, infinities and integers.
#include <limits>

#include <fovea/ops/activation.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/softmax.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_op;
using test::Precision;
using test::ReferenceCase;

template <Activation F>
void check_activation(const ReferenceCase& c) {
  check_op(c, [&](const auto& in) { return activate(in("x"), F); });
}

int axis_of(const ReferenceCase& c) { return c.attrs.at("axis").is_number() ? c.attrs.at("axis").get<int>() : -1; }

const test::ReferenceGroupTest kGroup = {
    .group = "ops-activation",
    .checks = {{"relu",
                [](const ReferenceCase& c) {
                  check_op(
                      c, [&](const auto& in) { return relu(in("x")); }, Precision::exact);
                }},
               {"relu6",
                [](const ReferenceCase& c) {
                  check_op(
                      c, [&](const auto& in) { return relu6(in("x")); }, Precision::exact);
                }},
               {"hardswish", check_activation<Activation::hardswish>},
               {"hardsigmoid",
                [](ReferenceCase c) {
                  c.grad_factor = (1 / 6.) / static_cast<double>(1 / 6.f);  // PyTorch's sixth is a float, also in double
                  check_activation<Activation::hardsigmoid>(c);
                }},
               {"sigmoid", check_activation<Activation::sigmoid>},
               {"silu", check_activation<Activation::silu>},
               {"tanh", check_activation<Activation::tanh>},
               {"mish", check_activation<Activation::mish>},
               {"logsigmoid", check_activation<Activation::logsigmoid>},
               {"leaky_relu",
                [](const ReferenceCase& c) {
                  const double slope = c.attrs.at("slope");
                  check_op(c, [&](const auto& in) { return leaky_relu(in("x"), slope); });
                }},
               {"gelu",
                [](const ReferenceCase& c) {
                  const bool tanh_form = c.attrs.at("approximate") == "tanh";
                  check_op(c, [&](const auto& in) { return tanh_form ? gelu_tanh(in("x")) : gelu(in("x")); });
                }},
               {"softplus",
                [](const ReferenceCase& c) {
                  const double beta = c.attrs.at("beta"), threshold = c.attrs.at("threshold");
                  check_op(c, [&](const auto& in) { return softplus(in("x"), beta, threshold); });
                }},
               {"elu",
                [](const ReferenceCase& c) {
                  const double alpha = c.attrs.at("alpha");
                  check_op(c, [&](const auto& in) { return elu(in("x"), alpha); });
                }},
               {"hardtanh",
                [](const ReferenceCase& c) {
                  const double low = c.attrs.at("min"), high = c.attrs.at("max");
                  check_op(
                      c, [&](const auto& in) { return hardtanh(in("x"), low, high); }, Precision::exact);
                }},
               {"prelu",
                [](const ReferenceCase& c) {
                  check_op(c, [&](const auto& in) { return prelu(in("x"), in.param("weight")); });
                }},
               {"softmax",
                [](const ReferenceCase& c) {
                  const double temperature = c.attrs.value("temperature", 1.0);
                  check_op(c, [&](const auto& in) { return softmax(div(in("x"), temperature), axis_of(c)); });
                }},
               {"log_softmax",
                [](const ReferenceCase& c) {
                  check_op(c, [&](const auto& in) { return log_softmax(in("x"), axis_of(c)); });
                }},
               {"logsumexp",
                [](const ReferenceCase& c) {
                  check_op(c, [&](const auto& in) { return logsumexp(in("x"), axis_of(c)); });
                }}},
    .later = {}};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Activation kAll[] = {Activation::relu,      Activation::relu6,       Activation::leaky_relu,
                               Activation::hardswish, Activation::hardsigmoid, Activation::sigmoid,
                               Activation::silu,      Activation::gelu,        Activation::gelu_tanh,
                               Activation::tanh,      Activation::mish,        Activation::logsigmoid};

// The functions of one argument, and those with numbers of their own, under the names of their calls.
template <class T>
std::vector<std::pair<std::string, std::function<Tensor<T>(const Tensor<T>&)>>> all_activations() {
  using X = const Tensor<T>&;
  std::vector<std::pair<std::string, std::function<Tensor<T>(X)>>> all;
  for (const Activation f : kAll) all.emplace_back(name_of(f), [f](X x) { return activate(x, f); });
  all.emplace_back("leaky_relu -0.5", [](X x) { return leaky_relu(x, -0.5); });
  all.emplace_back("leaky_relu 0", [](X x) { return leaky_relu(x, 0); });
  all.emplace_back("softplus", [](X x) { return softplus(x); });
  all.emplace_back("softplus 2, 6", [](X x) { return softplus(x, 2, 6); });
  all.emplace_back("elu", [](X x) { return elu(x); });
  all.emplace_back("elu 0.3", [](X x) { return elu(x, 0.3); });
  all.emplace_back("hardtanh", [](X x) { return hardtanh(x); });
  all.emplace_back("hardtanh -2, 3", [](X x) { return hardtanh(x, -2, 3); });
  return all;
}

const std::vector<Shape> kShapes = {Shape{},      {1},          {7},       {0, 3},       {2, 1},         {3, 5},
                                    {1, 1, 1, 1}, {2, 3, 1, 5}, {1, 4, 9}, {5, 1, 2, 3}, {2, 2, 2, 2, 2}};

// Values to 8, none within 0.01 of a place where one of the functions has a kink or, as softplus, a small step.
Tensor<double> off_kinks(test::Random& random, const Shape& shape) {
  Tensor<double> x = test::random_tensor(random, shape, 8, 0.01);
  for (double& v : x.mutable_values())
    for (const double kink : {1., 2., 3., 6.})
      if (std::abs(std::abs(v) - kink) < 0.01) v += 0.03;
  return x;
}
}  // namespace

TEST_CASE("activations equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("activations equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("NaN comes out of every activation as NaN, at any place of a vector") {
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    for (const auto& [name, f] : all_activations<float>()) {
      for (std::int64_t at = 0; at < 37; ++at) {
        Tensor<float> x(Shape{37}, 1.f);
        x.mutable_data()[at] = kNan;
        const Tensor<float> y = f(x);
        INFO(name << ", place " << at << ", cap " << name_of(isa));
        for (std::int64_t i = 0; i < 37; ++i) REQUIRE(std::isnan(y.data()[i]) == (i == at));
      }
    }
  }
}

TEST_CASE("every activation's gradient equals finite differences") {
  test::Random random(test::seed());
  for (const auto& [name, f] : all_activations<double>()) {
    for (const Shape& shape : kShapes) {
      INFO(name << " of " << shape);
      test::gradcheck({off_kinks(random, shape)}, [&f = f](const auto& in) { return f(in[0]); });
    }
  }
}

TEST_CASE("gradients at a kink are PyTorch's, and NaN or infinity of dy does not pass where the function is flat") {
  const auto slope = [](double at, auto&& f) {
    const Tensor<double> x({1}, {at});
    Tape tape{x};
    return tape.backward(f(x)).of(x).item();
  };
  REQUIRE(slope(0, [](const auto& x) { return relu(x); }) == 0);
  REQUIRE(slope(0, [](const auto& x) { return relu6(x); }) == 0);
  REQUIRE(slope(6, [](const auto& x) { return relu6(x); }) == 0);
  REQUIRE(slope(1, [](const auto& x) { return hardtanh(x); }) == 0);
  REQUIRE(slope(0, [](const auto& x) { return leaky_relu(x, 0.25); }) == 0.25);
  REQUIRE(slope(-2, [](const auto& x) { return leaky_relu(x, 0); }) == 0);
  REQUIRE(slope(-3, [](const auto& x) { return hardswish(x); }) == 0);
  REQUIRE(slope(3, [](const auto& x) { return hardswish(x); }) == 1);
  for (const Isa isa : test::caps()) {
    const test::CapIsa cap(isa);
    const Tensor<float> x(Shape{21}, -4.f);
    for (const Activation f : {Activation::relu, Activation::relu6, Activation::hardswish, Activation::hardsigmoid}) {
      Tape tape{x};
      const Tensor<float> dx = tape.backward(activate(x, f), Tensor<float>(Shape{21}, kInfinity)).of(x);
      INFO(name_of(f) << ", cap " << name_of(isa));
      for (const float v : dx.values()) REQUIRE(v == 0);
    }
  }
}

TEST_CASE("an activation keeps its output or its input, and sees that it was changed") {
  Tensor<float> x({3}, {-1, 2, 3});
  {
    Tape tape{x};
    const Tensor<float> y = silu(x);
    x.mutable_data()[0] = 5;
    REQUIRE_THROWS_WITH(tape.backward(y, y), Catch::Contains("activation: input 3 was changed in place"));
  }
  Tape tape{x};
  const Tensor<float> y = relu(x);
  x.mutable_data()[0] = -5;  // relu does not read it again
  REQUIRE(tape.backward(y, Tensor<float>({3}, 1.f)).of(x).at(0) == 1);
}

TEST_CASE("prelu's gradients equal finite differences, with a weight a channel and with one for all") {
  test::Random random(test::seed());
  for (const Shape& shape : kShapes) {
    if (shape.rank() == 0) continue;
    for (const std::int64_t weights : {shape[-1], std::int64_t{1}}) {
      INFO(shape << ", " << weights << " weights");
      test::gradcheck({off_kinks(random, shape), test::random_tensor(random, {weights})},
                      [](const auto& in) { return prelu(in[0], in[1]); });
    }
  }
  REQUIRE_THROWS_WITH(prelu(Tensor<float>({2, 3}), Tensor<float>({2})),
                      Catch::Matchers::Equals("prelu: input 2x3 has 3 channels, weight 2 wants 2"));
}

TEST_CASE("gradients of softmax, log_softmax and logsumexp equal finite differences along every axis") {
  test::Random random(test::seed());
  for (const Shape& shape : kShapes) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      INFO(shape << ", axis " << axis);
      const Tensor<double> x = test::random_tensor(random, shape, 3);
      test::gradcheck({x}, [&](const auto& in) { return softmax(in[0], axis); });
      test::gradcheck({x}, [&](const auto& in) { return log_softmax(in[0], axis); });
      test::gradcheck({x}, [&](const auto& in) { return logsumexp(in[0], axis, axis % 2 == 0); });
    }
  }
}

TEST_CASE("logsumexp of infinities and of huge logits, and what log_softmax keeps of small probabilities") {
  const Tensor<float> x({3, 2}, {-kInfinity, -kInfinity, 5, kInfinity, 1000, 1000});
  const Tensor<float> y = logsumexp(x);
  REQUIRE(y.shape() == Shape{3});
  REQUIRE(y.at(0) == -kInfinity);
  REQUIRE(y.at(1) == kInfinity);
  REQUIRE(std::abs(y.at(2) - 1000.6931f) < 1e-3f);
  REQUIRE(std::isnan(logsumexp(Tensor<float>({2}, {-kInfinity, kNan})).item()));
  REQUIRE(logsumexp(x, 0, true).shape() == Shape({1, 2}));
  REQUIRE(log_softmax(Tensor<float>({2}, {-500, 0})).at(0) == -500);
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
  REQUIRE_THROWS_WITH(relu(Tensor<float>()), Catch::Contains("relu: input is undefined"));
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
  REQUIRE_THROWS_WITH(softmax(x, 3), Catch::Contains("softmax: axis 3 of input 3x4x5"));
  REQUIRE(softmax(Tensor<float>({0, 7})).shape() == Shape({0, 7}));
}
