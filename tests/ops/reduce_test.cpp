// Reductions, order, running sums and index ops: gradients by finite differences, values at the edges, errors. The
// reference cases are walked in shape_test.cpp.
#include <limits>

#include <fovea/ops/index.h>
#include <fovea/ops/reduce.h>
#include <fovea/ops/sort.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using Catch::Contains;
using test::adjoint_check;
using test::gradcheck;

// A shape of up to four dimensions and some of its axes.
struct Case {
  Shape shape;
  std::vector<int> axes;
  bool keepdim;
};
Case random_case(test::Random& random, int i) {
  if (i == 0) return {Shape{}, {}, false};
  if (i == 1) return {Shape{3, 1, 2}, {1}, true};
  std::vector<std::int64_t> size(static_cast<std::size_t>(random.between(1, 4)));
  for (std::int64_t& s : size) s = random.between(1, 5);
  std::vector<int> axes;
  for (int d = 0; d < static_cast<int>(size.size()); ++d)
    if (random.between(0, 1)) axes.push_back(random.between(0, 1) ? d : d - static_cast<int>(size.size()));
  return {Shape(std::span<const std::int64_t>(size)), axes, random.between(0, 1) == 1};
}

// All elements differ by 1/8 at least, and none is near 0.
Tensor<double> distinct(test::Random& random, const Shape& shape) {
  Tensor<double> x(shape);
  std::vector<std::int64_t> order(static_cast<std::size_t>(x.numel()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(i) - 1))]);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data()[i] =
        (static_cast<double>(order[static_cast<std::size_t>(i)]) - static_cast<double>(x.numel() / 2)) / 8 + 1.0 / 16;
  return x;
}
}  // namespace

TEST_CASE("gradients of reductions agree with finite differences") {
  test::Random random(test::seed());
  for (int i = 0; i < 24; ++i) {
    const Case c = random_case(random, i);
    const Shape& shape = c.shape;
    const std::vector<int>& axes = c.axes;
    const bool keep = c.keepdim;
    const Tensor<double> x = distinct(random, shape);
    INFO("seed " << test::seed() << ", case " << i << ", shape " << shape << ", " << axes.size() << " axes");
    gradcheck({x}, [&](const auto& in) { return sum(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return mean(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return amax(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return amin(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return norm(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return l1_norm(in[0], axes, keep); });
    gradcheck({x}, [&](const auto& in) { return var(in[0], axes, 0, keep); });
    adjoint_check(x, [&](const auto& in) { return sum(in, axes, keep); });
    adjoint_check(x, [&](const auto& in) { return mean(in, axes, keep); });
    const detail::ReducePlan plan("test", shape, axes, keep);
    if (plan.count < 2) continue;
    gradcheck({x}, [&](const auto& in) { return var(in[0], axes, 1, keep); });
    gradcheck({x}, [&](const auto& in) { return std_dev(in[0], axes, 1, keep); });
    gradcheck({x}, [&](const auto& in) { return std_dev(in[0], axes, 0, keep); });
  }
}

TEST_CASE("gradients of order, running sums and selection agree with finite differences") {
  test::Random random(test::seed());
  for (int i = 2; i < 18; ++i) {
    const Shape shape = random_case(random, i).shape;
    const Tensor<double> x = distinct(random, shape);
    const int axis = static_cast<int>(random.between(-shape.rank(), shape.rank() - 1));
    const std::int64_t size = x.size(axis), k = random.between(0, size);
    Tensor<std::int64_t> index({random.between(0, 6)});
    for (std::int64_t& v : index.mutable_values()) v = random.between(0, size - 1);
    INFO("seed " << test::seed() << ", shape " << shape << ", axis " << axis << ", k " << k);
    gradcheck({x}, [&](const auto& in) { return topk(in[0], k, axis, i % 2 == 0).values; });
    gradcheck({x}, [&](const auto& in) { return sort(in[0], axis, i % 2 == 0).values; });
    gradcheck({x}, [&](const auto& in) { return cumsum(in[0], axis); });
    gradcheck({x}, [&](const auto& in) { return index_select(in[0], axis, index); });
    adjoint_check(x, [&](const auto& in) { return cumsum(in, axis); });
    adjoint_check(x, [&](const auto& in) { return index_select(in, axis, index); });
  }
}

TEST_CASE("sums over random shapes equal an element by element computation, also where a sum is cut into parts") {
  test::Random random(test::seed());
  for (int i = 0; i < (test::full() ? 500 : 60); ++i) {
    const std::int64_t n = random.between(1, 3), p = random.between(1, i % 6 ? 40 : 9000), c = random.between(1, 150);
    Tensor<float> x({n, p, c});
    for (float& v : x.mutable_values()) v = static_cast<float>(random.between(-9, 9));
    std::vector<double> by_pixel(static_cast<std::size_t>(n * c)), by_channel(static_cast<std::size_t>(c)),
        rows(static_cast<std::size_t>(n * p)), squares(static_cast<std::size_t>(p));
    for (std::int64_t k = 0; k < x.numel(); ++k) {
      const double v = static_cast<double>(x.data()[k]);
      by_pixel[static_cast<std::size_t>(k / (p * c) * c + k % c)] += v;
      by_channel[static_cast<std::size_t>(k % c)] += v;
      rows[static_cast<std::size_t>(k / c)] += v;
      squares[static_cast<std::size_t>(k / c % p)] += v * v;
    }
    INFO("seed " << test::seed() << ", shape " << x.shape());
    REQUIRE(std::ranges::equal(sum(x, {1}).values(), by_pixel));
    REQUIRE(std::ranges::equal(sum(x, {0, 1}).values(), by_channel));
    REQUIRE(std::ranges::equal(sum(x, {2}).values(), rows));
    for (double& s : squares) s = static_cast<float>(std::sqrt(s));
    REQUIRE(std::ranges::equal(norm(x, {0, 2}).values(), squares));
  }
}

TEST_CASE("sums have the same bits at any thread count") {
  test::Random random(test::seed());
  Tensor<float> x({3, 20011, 7});
  for (float& v : x.mutable_values()) v = static_cast<float>(random.between(-100000, 100000)) * 0.0137f;
  const int before = thread_count();
  std::vector<float> wanted;
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    std::vector<float> found;
    for (const std::vector<int>& axes : std::vector<std::vector<int>>{{}, {0, 1}, {1}, {2}, {1, 2}})
      for (const Tensor<float>& y : {sum(x, axes), norm(x, axes), var(x, axes)})
        found.insert(found.end(), y.values().begin(), y.values().end());
    if (wanted.empty()) wanted = found;
    REQUIRE(found == wanted);
  }
  set_thread_count(before);
}

TEST_CASE("extremes: a NaN wins, the first of equals, no gradient for the others") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor<float> x({2, 4}, {1, 3, 3, 2, 5, nan, 7, nan});
  REQUIRE(amax(x, {1}).at(0) == 3);
  REQUIRE(std::isnan(amax(x, {1}).at(1)));
  REQUIRE(std::isnan(amin(x).item()));
  REQUIRE(argmax(x, 1).at(0) == 1);
  REQUIRE(argmax(x, -1, true).shape() == Shape({2, 1}));
  REQUIRE(argmax(x, 1).at(1) == 1);
  REQUIRE(argmin(x, 0).at(2) == 0);
  Tape tape{x};
  const Tensor<float> dx = tape.backward(amax(x.view(0, 1), {1})).of(x);
  REQUIRE(std::ranges::equal(dx.values(), std::vector<float>{0, 1, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("sort is stable and puts NaN last; topk takes any axis") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor<float> x({5}, {nan, 2, 1, 2, -1});
  REQUIRE(std::ranges::equal(sort(x).indices.values(), std::vector<std::int64_t>{4, 2, 1, 3, 0}));
  REQUIRE(std::ranges::equal(sort(x, 0, true).indices.values(), std::vector<std::int64_t>{0, 1, 3, 2, 4}));
  const Tensor<std::int8_t> y({3, 2}, {1, 6, 5, 4, 3, 2});
  const auto [values, indices] = topk(y, 2, 0);
  REQUIRE(std::ranges::equal(values.values(), std::vector<std::int8_t>{5, 6, 3, 4}));
  REQUIRE(std::ranges::equal(indices.values(), std::vector<std::int64_t>{1, 0, 2, 1}));
  REQUIRE_THROWS_WITH(topk(x, 6), Contains("topk: 6 elements of axis -1 of input 5"));
  REQUIRE_THROWS_WITH(topk(x, -1), Contains("topk: k is -1"));
}

TEST_CASE("reductions of nothing, and of axes that are not there") {
  const Tensor<float> none({0, 3}), x({2, 3});
  REQUIRE(sum(none).item() == 0);
  REQUIRE(sum(none, {0}).shape() == Shape{3});
  REQUIRE(sum(none, {1}).shape() == Shape{0});
  REQUIRE(std::isnan(mean(none).item()));
  REQUIRE(std::isnan(var(Tensor<float>({1}, 2.f)).item()));
  REQUIRE(norm(Tensor<float>({3})).item() == 0);
  REQUIRE_THROWS_WITH(amax(none, {0}), Contains("amax: input 0x3 has no element to choose from"));
  REQUIRE_THROWS_WITH(argmin(none, 0), Contains("argmin: input 0x3 has nothing to choose from along axis 0"));
  REQUIRE_THROWS_WITH(sum(x, {2}), Contains("sum: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(sum(x, {1, -1}), Contains("sum: axis -1 of input 2x3 is named twice"));
}

TEST_CASE("sum and mean keep nothing, extremes and orders keep places") {
  const Tensor<float> x({100, 10}, 1.f);
  Tape tape{x};
  const std::int64_t before = live_bytes();
  const Tensor<float> y = add(sum(add(x, 1.0), {1}), mean(add(x, 2.0), {1}));
  REQUIRE(live_bytes() - before == 400);
  const Tensor<float> z = amax(add(x, 1.0), {1});
  REQUIRE(live_bytes() - before == 400 + 400 + 800);
}

TEST_CASE("indices outside are named") {
  const Tensor<float> x({2, 3});
  REQUIRE_THROWS_WITH(index_select(x, 1, Tensor<std::int64_t>({1}, 3)),
                      Contains("index 3 of dimension 1 of input 2x3"));
  REQUIRE_THROWS_WITH(index_select(x, 1, Tensor<std::int64_t>({1}, -1)), Contains("index -1"));
  REQUIRE_THROWS_WITH(index_select(x, 1, Tensor<std::int64_t>(Shape{})), Contains("a vector is wanted"));
  REQUIRE_THROWS_WITH(one_hot(Tensor<std::int64_t>({2}, {0, 5}), 5),
                      Contains("one_hot: label 5 of element 1, of 5 classes"));
  REQUIRE(one_hot(Tensor<std::int64_t>({2}, {0, 2}), 3).shape() == Shape({2, 3}));
}
