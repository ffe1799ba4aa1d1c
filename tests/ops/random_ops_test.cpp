// dropout, drop_path and cast: exact masks, statistics, gradients, replay, types.
#include <cstring>

#include <fovea/core/checkpoint.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/cast.h>
#include <fovea/ops/dropout.h>
#include <fovea/ops/elementwise.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using Catch::Contains;

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(T)) == 0;
}

Tensor<float> ones(const Shape& shape) { return Tensor<float>(shape, 1.f); }
}  // namespace

TEST_CASE("dropout drops the elements whose uniform number is below p, and scales the others") {
  const Tensor<float> x = ones({3, 1001});
  for (const double p : {0.1, 0.5, 1.0 / 3, 0x1p-24, 1 - 0x1p-24}) {
    Training scope(7, 3);
    const Philox random = Training(scope.state()).next_stream();
    const Tensor<float> y = dropout(x, p);
    INFO("p " << p);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const bool keep = static_cast<double>(random.uniform(static_cast<std::uint64_t>(i))) >= p;
      REQUIRE(y.data()[i] == (keep ? static_cast<float>(1 / (1 - p)) : 0));
    }
  }
}

TEST_CASE("the masks of a seed are these, and their means are those of a binomial") {
  constexpr std::int64_t n = 1 << 16;
  const Tensor<float> x = ones({n});
  Training scope(2024, 1);
  std::vector<std::int64_t> kept;
  for (const double p : {0.1, 0.25, 0.5, 0.9}) {
    const Tensor<float> y = dropout(x, p);
    std::int64_t count = 0;
    for (const float v : y.values()) count += v != 0;
    kept.push_back(count);
    // Five standard deviations: one seed in 1.7 million is outside, and this seed is fixed.
    const double expected = n * (1 - p), deviation = std::sqrt(n * p * (1 - p));
    INFO("p " << p << ": " << count << " of " << n);
    REQUIRE(std::abs(static_cast<double>(count) - expected) < 5 * deviation);
  }
  REQUIRE(kept == std::vector<std::int64_t>{58941, 48897, 32655, 6556});  // as an independent Philox counts
}

TEST_CASE("every row of dropout that this machine has equals the reference bit for bit, wherever a range is cut") {
  test::Random random(test::seed());
  for (int i = 0; i < (test::full() ? 500 : 60); ++i) {
    const Tensor<float> x = ones({random.between(0, 700)});
    Tensor<float> wanted(x.shape()), found(x.shape());
    DropoutArgs<float> args = {.random = Philox(random.next(), random.next()),
                               .p = 0.01 * static_cast<double>(random.between(1, 99))};
    args.count = x.numel(), args.x = x.data(), args.y = wanted.mutable_data();
    kernels<DropoutArgs<float>>(Device::cpu).back().run(args);
    args.y = found.mutable_data();
    for (const Kernel<DropoutArgs<float>>& row : kernels<DropoutArgs<float>>(Device::cpu)) {
      if (!cpu_has(row.needs)) continue;
      INFO("seed " << test::seed() << ", " << row.name << ": " << to_text(args));
      row.run(args);
      REQUIRE(same_bits(found, wanted));
    }
  }
}

TEST_CASE("drop_path drops whole samples") {
  const Tensor<float> x = ones({1000, 2, 3});
  Training scope(5);
  const Tensor<float> y = drop_path(x, 0.25);
  std::int64_t kept = 0;
  for (std::int64_t n = 0; n < 1000; ++n) {
    const float first = y.data()[n * 6];
    REQUIRE((first == 0 || first == static_cast<float>(1 / 0.75)));
    for (std::int64_t i = 0; i < 6; ++i) REQUIRE(y.data()[n * 6 + i] == first);
    kept += first != 0;
  }
  REQUIRE(std::abs(static_cast<double>(kept) - 750) < 5 * std::sqrt(1000 * 0.25 * 0.75));
  REQUIRE(drop_path(Tensor<float>({0, 3}), 0.5).shape() == Shape({0, 3}));
  REQUIRE(drop_path(Tensor<float>({3, 0}), 0.5).shape() == Shape({3, 0}));
}

TEST_CASE("outside a training scope, and with p 0, both give x itself; a scope draws a stream all the same") {
  const Tensor<float> x = ones({4, 5});
  REQUIRE(dropout(x, 0.5).id() == x.id());
  REQUIRE(drop_path(x, 0.5).id() == x.id());
  const auto second = [&](double p) {
    Training scope(1);
    REQUIRE((p > 0 || dropout(x, p).id() == x.id()));
    if (p > 0) (void)dropout(x, p);
    REQUIRE(scope.state().calls == 1);
    return dropout(ones({1000}), 0.5);
  };
  REQUIRE(same_bits(second(0), second(0.3)));
}

TEST_CASE("gradients of dropout and drop_path carry the mask of the forward pass") {
  test::Random random(test::seed());
  for (int i = 0; i < 12; ++i) {
    const Tensor<double> x =
        test::random_tensor(random, {random.between(0, 5), random.between(1, 7), random.between(1, 9)});
    const double p = 0.07 * i;
    // The same numbers in every call: each opens its own scope.
    const auto drop = [&](const Tensor<double>& t) {
      Training scope(11, static_cast<std::uint64_t>(i));
      return dropout(t, p);
    };
    const auto path = [&](const Tensor<double>& t) {
      Training scope(12, static_cast<std::uint64_t>(i));
      return drop_path(t, p);
    };
    INFO("seed " << test::seed() << ", shape " << x.shape() << ", p " << p);
    test::adjoint_check(x, [&](const auto& t) { return add(drop(t), path(t)); });
    test::gradcheck({x}, [&](const auto& in) { return square(drop(in[0])); });
    test::gradcheck({x}, [&](const auto& in) { return square(path(in[0])); });
  }
}

TEST_CASE("dropout has the same bits at any thread count, and stores no mask") {
  const Tensor<float> x = ones({7, 30011});  // odd, so that ranges are cut inside blocks of random words
  const int before = thread_count();
  Tensor<float> wanted_y, wanted_dx;
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    Training scope(3);
    Tape tape{x};
    const std::int64_t bytes = live_bytes();
    const Tensor<float> y = dropout(x, 0.4);
    REQUIRE(live_bytes() - bytes == x.numel() * 4);  // y
    const Tensor<float> dx = tape.backward(y, x).of(x);
    if (!wanted_y) wanted_y = y, wanted_dx = dx;
    REQUIRE(same_bits(y, wanted_y));
    REQUIRE(same_bits(dx, wanted_dx));
    REQUIRE(same_bits(dx, y));  // linear, and x and dy are ones
  }
  set_thread_count(before);
}

TEST_CASE("a checkpoint draws the same masks again") {
  test::Random random(test::seed());
  const Tensor<double> x = test::random_tensor(random, {6, 50}), dy = test::random_tensor(random, {6, 50});
  const auto part = [](const Tensor<double>& t) { return drop_path(square(dropout(exp(dropout(t, 0.3)), 0.5)), 0.4); };
  const auto gradient = [&](bool again) {
    Training scope(9, 4);
    Tape tape{x};
    const Tensor<double> before = dropout(x, 0.2);
    const Tensor<double> y = dropout(again ? checkpoint(part, before) : part(before), 0.1);
    return std::pair(y, tape.backward(y, dy).of(x));
  };
  const auto [y, dx] = gradient(false);
  const auto [y_again, dx_again] = gradient(true);
  REQUIRE(same_bits(y, y_again));
  REQUIRE(same_bits(dx, dx_again));
}

TEST_CASE("probabilities outside [0, 1) are errors, in and out of a scope") {
  const Tensor<float> x = ones({2});
  REQUIRE_THROWS_WITH(dropout(x, 1), Contains("dropout: p 1, a probability in [0, 1) is wanted"));
  REQUIRE_THROWS_WITH(dropout(x, -0.1), Contains("dropout: p -0.1"));
  REQUIRE_THROWS_WITH(drop_path(x, std::nan("")), Contains("drop_path: p nan"));
  REQUIRE_THROWS_WITH(drop_path(Tensor<float>(Shape{}), 0.5), Contains("has no samples"));
  Training scope(1);
  REQUIRE_THROWS_WITH(dropout(x, 2), Contains("dropout: p 2"));
}

TEST_CASE("cast rounds forward, and casts the gradient back") {
  const Tensor<float> x({3}, {1.00390625f, -2.f, 1e30f});
  REQUIRE(cast<float>(x).id() == x.id());
  REQUIRE(static_cast<float>(cast<bf16>(x).at(0)) == 1.f);  // a tie, to even
  REQUIRE(std::isinf(static_cast<float>(cast<half>(x).at(2))));
  REQUIRE(cast<double>(x).at(0) == 1.00390625);
  Tape tape{x};
  const Tensor<double> y = mul(cast<double>(cast<bf16>(x)), 3.0);
  const Tensor<double> dy({3}, {1, 1.0 / 3, 1e-3});
  const Tensor<float> dx = tape.backward(y, dy).of(x);
  for (std::int64_t i = 0; i < 3; ++i) REQUIRE(dx.at(i) == static_cast<float>(static_cast<bf16>(3 * dy.at(i))));
}

TEST_CASE("a net of three types has the gradients of the all-double net within bf16's error") {
  test::Random random(test::seed());
  const Tensor<double> x = test::random_tensor(random, {4, 30});
  const Tensor<bf16> low = cast<bf16>(x);
  const Tensor<double> exact = cast<double>(low);
  const auto run = [](const auto& t) { return cast<double>(square(cast<float>(add(mul(t, t), t)))); };
  Tape tape{low, exact};
  const Tensor<double> y = add(run(low), run(exact));
  const Gradients g = tape.backward(y, Tensor<double>(y.shape(), 1.0));
  for (std::int64_t i = 0; i < x.numel(); ++i)
    REQUIRE(std::abs(static_cast<double>(g.of(low).data()[i]) - g.of(exact).data()[i]) < 12 * 5 * 0x1p-9);
}
