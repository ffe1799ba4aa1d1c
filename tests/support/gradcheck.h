// Gradients against finite differences, in double: every op with a backward is checked by these.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <fovea/core/tape.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea::test {

// Values in [-high, high], none nearer to 0 than `gap` (inputs of kinked functions stay off their kinks).
inline Tensor<double> random_tensor(Random& random, const Shape& shape, double high = 1, double gap = 0) {
  Tensor<double> t(shape);
  for (double& v : t.mutable_values()) {
    const double u = static_cast<double>(random.between(-1'000'000, 1'000'000)) / 1e6;
    v = u < 0 ? -gap + u * (high - gap) : gap + u * (high - gap);
  }
  return t;
}

inline double dot(const Tensor<double>& a, const Tensor<double>& b) {
  REQUIRE(a.shape() == b.shape());
  double sum = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) sum += a.data()[i] * b.data()[i];
  return sum;
}

// What is checked. Erased types, so that the checks are compiled once a file and not once an op.
using Op = std::function<Tensor<double>(const std::vector<Tensor<double>>&)>;
using LinearOp = std::function<Tensor<double>(const Tensor<double>&)>;

// d sum(f(inputs) * dy) / d inputs, by the tape.
inline std::vector<Tensor<double>> tape_gradients(const std::vector<Tensor<double>>& inputs, const Tensor<double>& dy,
                                                  const Op& f) {
  Tape tape;
  for (const Tensor<double>& x : inputs) tape.watch(x);
  const Gradients gradients = tape.backward(f(inputs), dy);
  std::vector<Tensor<double>> found;
  for (const Tensor<double>& x : inputs) found.push_back(gradients.of(x));
  return found;
}

// The largest difference between `gradients` and central differences of fourth order of sum(f(inputs) * dy), relative
// to the largest gradient of that input (at least 1). At most `samples` elements of each input are moved.
inline double gradient_error(const std::vector<Tensor<double>>& inputs, const Tensor<double>& dy,
                             const std::vector<Tensor<double>>& gradients, const Op& f, std::int64_t samples = 24) {
  constexpr double h = 5e-4;
  Random random(seed());
  double worst = 0;
  std::vector<Tensor<double>> moved;
  for (const Tensor<double>& x : inputs) moved.push_back(x.clone());
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Tensor<double>& g = gradients[k];
    REQUIRE(g.shape() == inputs[k].shape());
    double scale = 1;
    for (const double v : g.values()) scale = std::max(scale, std::abs(v));
    const std::int64_t n = g.numel(), count = full() ? n : std::min(n, samples);
    for (std::int64_t s = 0; s < count; ++s) {
      const std::int64_t i = count == n ? s : random.between(0, n - 1);
      const double before = inputs[k].data()[i];
      const auto at = [&](double delta) {
        moved[k].mutable_data()[i] = before + delta;
        return dot(f(moved), dy);
      };
      const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      moved[k].mutable_data()[i] = before;
      worst = std::max(worst, std::abs(slope - g.data()[i]) / scale);
    }
  }
  return worst;
}

// f: std::vector<Tensor<double>> -> Tensor<double>, smooth around the inputs (2e-3 off any kink). All inputs are
// watched together and, where there are several, each alone.
inline void gradcheck(const std::vector<Tensor<double>>& inputs, const Op& f, double tolerance = 1e-7) {
  Random random(seed() + 1);
  const Tensor<double> dy = random_tensor(random, f(inputs).shape());
  const std::vector<Tensor<double>> gradients = tape_gradients(inputs, dy, f);
  for (const Tensor<double>& x : inputs) INFO("input " << x.shape());
  REQUIRE(gradient_error(inputs, dy, gradients, f) < tolerance);
  for (std::size_t k = 0; inputs.size() > 1 && k < inputs.size(); ++k) {
    Tape tape{inputs[k]};
    const Gradients alone = tape.backward(f(inputs), dy);
    INFO("input " << k << " watched alone");
    REQUIRE(std::ranges::equal(alone.of(inputs[k]).values(), gradients[k].values()));
  }
}

// Of f, linear in x: <f(x), dy> = <x, f'(dy)>, to 1e-12 of the terms' size.
inline void adjoint_check(const Tensor<double>& x, const LinearOp& f) {
  Random random(seed() + 2);
  const Tensor<double> y = f(x), dy = random_tensor(random, y.shape());
  Tape tape{x};
  const Tensor<double> dx = tape.backward(f(x), dy).of(x);
  double size = 1;
  for (std::int64_t i = 0; i < y.numel(); ++i) size += std::abs(y.data()[i] * dy.data()[i]);
  REQUIRE(std::abs(dot(y, dy) - dot(x, dx)) <= 1e-12 * size);
}

}  // namespace fovea::test
