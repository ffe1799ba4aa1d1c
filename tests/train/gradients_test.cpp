// Clipping, accumulation over micro-batches, moving averages.
#include <train/optimizer_cases.h>

namespace {
using namespace fovea;
using Catch::Contains;
using test::gradients_of;

// The mean over the rows of x (N x K) of (x w)^2 / 2, whose gradient is the mean of (x w) x.
Tensor<double> mean_square(const Tensor<double>& x, const Tensor<double>& w) {
  const std::int64_t n = x.size(0), k = x.size(1);
  Tensor<double> loss({1}), dw({k});
  for (std::int64_t i = 0; i < n; ++i) {
    double y = 0;
    for (std::int64_t j = 0; j < k; ++j) y += x.at(i, j) * w.at(j);
    loss.mutable_data()[0] += y * y / 2 / static_cast<double>(n);
    for (std::int64_t j = 0; j < k; ++j) dw.mutable_data()[j] += y * x.at(i, j) / static_cast<double>(n);
  }
  return record(
      "mean_square", [] { return Attributes{}; }, {w.id()}, loss,
      [id = w.id(), dw](Gradients& g, const Tensor<double>&) { g.add(id, dw); });
}

Tensor<double> random_tensor(test::Random& random, const Shape& shape) {
  Tensor<double> t(shape);
  for (double& v : t.mutable_values()) v = static_cast<double>(random.between(-1000, 1000)) / 1000;
  return t;
}
}  // namespace

TEST_CASE("gradients of micro-batches, of any sizes, add up to those of the batch") {
  test::Random random(test::seed());
  const Tensor<double> x = random_tensor(random, {23, 7}), w = random_tensor(random, {7});
  const auto gradients = [&](std::int64_t begin, std::int64_t end) {
    Tape tape{w};
    return tape.backward(mean_square(x.view(begin, end).detach(), w));
  };
  const Tensor<double> whole = gradients(0, 23).of(w);
  GradientSum sum;
  for (int round = 0; round < 2; ++round) {  // used again after mean()
    std::int64_t at = 0;
    for (const std::int64_t size : {8, 8, 6, 1}) {
      sum.add(gradients(at, at + size), static_cast<double>(size));
      at += size;
    }
    REQUIRE(sum.count() == 4);
    const Gradients mean = sum.mean();
    for (std::int64_t i = 0; i < 7; ++i) REQUIRE(std::abs(mean.of(w).at(i) - whole.at(i)) < 1e-12);
  }
  // Equal parts need no weight; one part is itself.
  sum.add(gradients(0, 10));
  sum.add(gradients(10, 20));
  const Tensor<double> halves = sum.mean().of(w), tens = gradients(0, 20).of(w);
  for (std::int64_t i = 0; i < 7; ++i) REQUIRE(std::abs(halves.at(i) - tens.at(i)) < 1e-12);
  sum.add(gradients(0, 23), 23);
  const Tensor<double> alone = sum.mean().of(w);
  for (std::int64_t i = 0; i < 7; ++i) REQUIRE(std::abs(alone.at(i) - whole.at(i)) < 1e-12);
}

TEST_CASE("an accumulated step equals the step of the batch") {
  test::Random random(test::seed() + 1);
  const Tensor<double> x = random_tensor(random, {12, 5}), start = random_tensor(random, {5});
  std::vector<Tensor<double>> ends;
  for (const std::int64_t parts : {1, 3}) {
    Tensor<double> w = start.clone();
    AdamW optimizer({{"w", w}}, {.lr = 0.1});
    for (int step = 0; step < 5; ++step) {
      GradientSum sum;
      for (std::int64_t i = 0; i < parts; ++i) {
        Tape tape{w};
        sum.add(tape.backward(mean_square(x.view(i * 12 / parts, (i + 1) * 12 / parts).detach(), w)));
      }
      optimizer.step(sum.mean());
    }
    ends.push_back(w);
  }
  for (std::int64_t i = 0; i < 5; ++i) REQUIRE(std::abs(ends[0].at(i) - ends[1].at(i)) < 1e-12);
}

TEST_CASE("a sum refuses parts that watched other values, and a mean of nothing") {
  const Tensor<double> a({2}), b({2});
  const Tensor<double> one({2}, 1.0);
  GradientSum sum;
  CHECK_THROWS_WITH(sum.mean(), Contains("nothing was added"));
  sum.add(gradients_of<double>({a}, {one}));
  CHECK_THROWS_WITH(sum.add(gradients_of<double>({b}, {one})),
                    Contains("part 1 has a gradient 2 of a value that the first lacks"));
  sum = {};
  sum.add(gradients_of<double>({a, b}, {one, one}));
  CHECK_THROWS_WITH(sum.add(gradients_of<double>({a}, {one})), Contains("part 1 has 1 gradients, the first has 2"));
  CHECK_THROWS_WITH(sum.add(gradients_of<double>({a, b}, {one, one}), 0), Contains("weight is 0"));
}

TEST_CASE("gradients that share their elements are each changed once, and the tensor handed in stays") {
  const Tensor<float> a({3}), b({3}), shared({3}, {3, 0, 4});
  Gradients g = gradients_of<float>({a, b}, {shared, shared});
  CHECK(clip_grad_norm(g, std::sqrt(50.0) / 2) == Approx(std::sqrt(50.0)));
  for (const Tensor<float>& p : {a, b}) {
    CHECK(g.of(p).at(0) == Approx(1.5));
    CHECK(g.of(p).at(2) == Approx(2));
  }
  CHECK(shared.at(0) == 3);
  CHECK(g.of(a).data() != g.of(b).data());
}

TEST_CASE("clipping by value bounds every element and leaves NaN") {
  const Tensor<double> a({4}), b({1});
  Gradients g =
      gradients_of<double>({a, b}, {Tensor<double>({4}, {-3, -0.5, 0.25, 9}), Tensor<double>({1}, std::nan(""))});
  clip_grad_value(g, 0.5);
  const double wanted[] = {-0.5, -0.5, 0.25, 0.5};
  CHECK(std::ranges::equal(g.of(a).values(), wanted));
  CHECK(std::isnan(g.of(b).item()));
  CHECK_THROWS_WITH(clip_grad_value(g, -1), Contains("clip_value is -1"));
}

TEST_CASE("norms: other powers, bfloat16 gradients, and what is not finite") {
  const Tensor<float> a({2}), b({2});
  const Tensor<float> ga({2}, {3, -4}), gb({2}, {0, 12});
  CHECK(grad_norm(gradients_of<float>({a, b}, {ga, gb})) == Approx(13));
  CHECK(grad_norm(gradients_of<float>({a, b}, {ga, gb}), 1) == Approx(19));
  CHECK(grad_norm(gradients_of<float>({a, b}, {ga, gb}), kMaximumNorm) == 12);
  CHECK_THROWS_WITH(grad_norm(gradients_of<float>({a, b}, {ga, gb}), 0), Contains("norm_type is 0"));

  const Tensor<bf16> c({2});
  Gradients small = gradients_of<bf16>({c}, {Tensor<bf16>({2}, {bf16(3.f), bf16(4.f)})});
  CHECK(clip_grad_norm(small, 2.5) == 5);
  CHECK(static_cast<float>(small.of(c).at(1)) == 2);

  const float inf = std::numeric_limits<float>::infinity();
  Gradients bad = gradients_of<float>({a}, {Tensor<float>({2}, {inf, 1})});
  CHECK_THROWS_WITH(clip_grad_norm(bad, 1, {.error_if_nonfinite = true}),
                    "clip_grad_norm: the norm of the gradients is inf");
  CHECK(std::isinf(clip_grad_norm(bad, 1)));
  CHECK(std::isnan(bad.of(a).at(0)));  // as torch: inf times 0
  CHECK(bad.of(a).at(1) == 0);
  CHECK_THROWS_WITH(clip_grad_norm(bad, -1), Contains("max_norm is -1"));
}

TEST_CASE("the norm has the same bits at 1, 2 and 7 threads, and in the order of the values") {
  test::Random random(7);
  std::vector<Tensor<float>> parameters, gradients;
  for (std::int64_t n : {100003, 17, 5, 40000, 16384, 0}) {
    parameters.emplace_back(Shape{n});
    gradients.emplace_back(Shape{n});
    for (float& v : gradients.back().mutable_values()) v = static_cast<float>(random.between(-1000, 1000)) / 997;
  }
  const Gradients g = gradients_of(parameters, gradients);
  set_thread_count(1);
  const double one = grad_norm(g);
  for (const int threads : {2, 7}) {
    set_thread_count(threads);
    CHECK(grad_norm(g) == one);
  }
  set_thread_count(0);
  double plain = 0;
  for (const Tensor<float>& t : gradients)
    for (const float v : t.values()) plain += static_cast<double>(v) * static_cast<double>(v);
  CHECK(one == Approx(std::sqrt(plain)).epsilon(1e-13));
  std::vector<ValueId> order;
  g.for_each([&](ValueId x, const AnyTensor&) { order.push_back(x); });
  REQUIRE(order.size() == parameters.size());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == parameters[i].id());
}

TEST_CASE("an average is swapped into the net and back, and not updated meanwhile") {
  Tensor<float> w({3}, {1, 2, 3}), mean({1}, 10.f);
  EMA average({{"w", w}, {"bn.running_mean", mean}}, {.decay = 0.5});
  for (float& v : w.mutable_values()) v += 2;
  average.update();
  const std::uint64_t version = w.storage().version();
  average.swap();
  CHECK(w.storage().version() > version);
  CHECK(w.at(0) == 2);
  CHECK(mean.item() == 10);
  CHECK_THROWS_WITH(average.update(), Contains("swap back first"));
  CHECK_THROWS_WITH(average.for_each_state([](const std::string&, AnyTensor&) {}), Contains("swap back first"));
  average.swap();
  CHECK(w.at(0) == 3);
  CHECK(average.updates() == 1);
  CHECK_THROWS_WITH(EMA({{"w", w}, {"v", mean}}, {.decay = 1.5}), "EMA: decay is 1.5, 0 to 1 is wanted");
  CHECK_THROWS_WITH(EMA({{"n", Tensor<std::int64_t>({1})}, {"v", mean}}),
                    "EMA: n is int64, float32 or float64 is wanted");
}
