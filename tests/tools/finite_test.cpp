// FOVEA_CHECK=finite: a value that is not finite is found at its step and named. The flag is read once a process, so
// the hidden cases here, which want it, run in a process of their own.
#include <limits>

#include <fovea/core/checkpoint.h>
#include <fovea/nn.h>
#include <fovea/ops.h>
#include <fovea/train/sgd.h>
#include <support/catch.h>
#include <tools/program.h>

using namespace fovea;
using Catch::Contains;
using Catch::Matchers::Equals;

namespace {
struct Net {
  Conv2d<> conv{{.in_channels = 1, .out_channels = 2, .kernel_size = 3, .padding = 1}};
  Linear<> fc{{.in_features = 2, .out_features = 3}};
  Net() { initialize(*this, 1); }
  Tensor<float> operator()(const Tensor<float>& x) const { return fc(global_avg_pool(relu(conv(x)))); }
  static void visit(auto&& self, auto&& v) { v("conv", self.conv), v("fc", self.fc); }
};

// Trains for 5 steps on what photo(step) gives; the step that failed, and its message.
struct Failure {
  int step = -1;
  std::string message;
};
template <class Photo>
Failure train(Photo&& photo, double lr) {
  Net net;
  SGD optimizer(trainable(net), {.lr = lr});
  for (int step = 0; step < 5; ++step) {
    try {
      Training scope(1, static_cast<std::uint64_t>(step));
      Tape tape(trainable(net));
      optimizer.step(tape.backward(mse_loss(net(photo(step)), Tensor<float>({2, 3}, 1.f))));
    } catch (const Error& e) {
      return {step, e.what()};
    }
  }
  return {};
}
}  // namespace

TEST_CASE("a NaN of one photo is found at its step, and the first op and its layer are named", "[.finite]") {
  const Failure f = train(
      [](int step) {
        Tensor<float> x({2, 4, 4, 1}, 0.5f);
        if (step == 3) x.mutable_data()[16] = std::numeric_limits<float>::quiet_NaN();  // the first pixel of photo 1
        return x;
      },
      0.01);
  CHECK(f.step == 3);
  CHECK_THAT(f.message, Contains("conv2d with conv.weight, conv.bias: its output 2x4x4x2: 8 of 64 elements not finite, "
                                 "first ") &&
                            Contains("nan at (1, 0, 0, 0); no op before gave such a value: it comes from this op, or "
                                     "from a photo or target that went in [FOVEA_CHECK=finite]"));
}

TEST_CASE("a step that breaks a parameter is found by the next tape, which names the parameter", "[.finite]") {
  const Failure f = train([](int) { return Tensor<float>({2, 4, 4, 1}, 0.5f); }, 1e39);
  CHECK(f.step == 1);
  CHECK_THAT(f.message, Contains("Tape: the watched ") && Contains("elements not finite, first ") &&
                            Contains(", before the step: look at the optimizer, or the file that was loaded"));
}

TEST_CASE("the op that makes a loss infinite is named, not the sum behind it", "[.finite]") {
  const Tensor<float> x({2, 2}, {1, 2, 0, 4});
  Tape tape{x};
  REQUIRE_THROWS_WITH(sum(log(x)),
                      Equals("log: its output 2x2: 1 of 4 elements not finite, first -inf at (1, 0); no op before gave "
                             "such a value: it comes from this op, or from a photo or target that went in "
                             "[FOVEA_CHECK=finite]"));
  REQUIRE_THROWS_WITH(mul(Tensor<float>(Shape{}, 1e30f), Tensor<float>(Shape{}, 1e30f)),
                      Contains("mul: its output scalar: 1 of 1 elements not finite, first inf; no op"));
}

TEST_CASE("in the backward pass the op and the value whose gradient is not finite are named", "[.finite]") {
  const auto backward = [](const char* name, const auto& f) {
    const Tensor<float> w({3}, {0.25f, 0, 0.25f});
    Tape tape;
    tape.watch(w, name);
    (void)tape.backward(f(w));
  };
  const auto root = [](const Tensor<float>& v) { return sum(sqrt(v)); };
  REQUIRE_THROWS_WITH(backward("head.scale", root),
                      Equals("sqrt backward: the gradient of head.scale 3: 1 of 3 elements not finite, first inf at "
                             "(1); what arrived there from the loss is finite [FOVEA_CHECK=finite]"));
  REQUIRE_THROWS_WITH(backward("", root), Contains("sqrt backward: the gradient of its input 3: 1 of 3"));
  REQUIRE_THROWS_WITH(backward("w", [&](const Tensor<float>& v) { return root(mul(v, Tensor<float>({3}, 2.f))); }),
                      Contains("sqrt backward: the gradient of its input 3"));
  REQUIRE_THROWS_WITH(backward("w", [&](const Tensor<float>& v) { return checkpoint(root, v); }),
                      Contains("sqrt backward: the gradient of w 3"));
  // Two finite terms whose sum is none.
  REQUIRE_THROWS_WITH(backward("w",
                               [](const Tensor<float>& v) {
                                 const Tensor<float> big({3}, 3e38f);
                                 return sum(sub(mul(v, big), mul(mul(v, Tensor<float>({3}, -1.f)), big)));
                               }),
                      Contains("backward: the sum of its uses in the gradient of w 3: 3 of 3"));
}

TEST_CASE("a value that is not finite is found where FOVEA_CHECK=finite, and nothing is looked at elsewhere") {
  const test::Ran ran = test::run_command({"/proc/self/exe", "[finite]"}, {.environment = {"FOVEA_CHECK=finite"}});
  INFO(ran.out << ran.err);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, Contains("All tests passed") && Contains("in 4 test cases"));
  const test::Ran off = test::run_command({"/proc/self/exe", "[finite]"}, {.environment = {"FOVEA_CHECK="}});
  INFO(off.out << off.err);
  CHECK(off.code != 0);
  CHECK_THAT(off.out, Contains("4 failed"));
}
