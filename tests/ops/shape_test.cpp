// The group ops-shape of the reference, forward and backward: pad, concat, slices, permutations, reductions, order.
// Gradients of rearrangements by finite differences; integers and errors.
#include <fovea/ops/concat.h>
#include <fovea/ops/index.h>
#include <fovea/ops/pad.h>
#include <fovea/ops/reduce.h>
#include <fovea/ops/shuffle.h>
#include <fovea/ops/slice.h>
#include <fovea/ops/sort.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using test::check_types;
using test::Precision;
using test::ReferenceCase;

void check_pad(const ReferenceCase& c) {
  const std::map<std::string, PadMode> modes = {{"constant", PadMode::constant},
                                                {"reflect", PadMode::reflect},
                                                {"replicate", PadMode::replicate},
                                                {"circular", PadMode::circular}};
  const PadMode mode = modes.at(c.attrs.at("mode"));
  const double value = c.attrs.at("value").is_null() ? 0 : c.attrs.at("value").get<double>();
  test::check_op(
      c, [&](const auto& in) { return pad(in("x"), c.padding(), mode, value); }, Precision::exact);
}

// The dimension of N H W C that an attribute names by its letter.
int axis_of(const ReferenceCase& c) {
  return static_cast<int>(std::string("NHWC").find(c.attrs.at("axis").get<std::string>().at(0)));
}

template <class T>
Tensor<T> sliced(const ReferenceCase& c, const Tensor<T>& x) {
  const auto at = [](const auto& v) { return v.template get<std::int64_t>(); };
  if (c.attrs.contains("axis")) return slice(x, axis_of(c), at(c.attrs.at("start")), at(c.attrs.at("stop")));
  const auto &h = c.attrs.at("h"), &w = c.attrs.at("w");
  return slice(slice(x, 1, at(h.at(0)), at(h.at(1))), 2, at(w.at(0)), at(w.at(1)), at(w.at(2)));
}

template <class T>
Tensor<T> permuted(const ReferenceCase& c, const Tensor<T>& x) {
  const std::vector<int> axes = c.attrs.at("axes");
  return axes.size() == 2 ? permute(x, {axes[0], axes[1]}) : permute(x, {axes[0], axes[1], axes[2], axes[3]});
}

// Reductions over "all" axes or a list of them.
template <class T>
Tensor<T> reduced(const ReferenceCase& c, const Tensor<T>& x) {
  std::vector<int> axes;
  if (c.attrs.at("axes").is_array()) axes = c.attrs.at("axes").get<std::vector<int>>();
  const bool keep = c.attrs.value("keepdim", false);
  if (c.op == "sum") return sum(x, axes, keep);
  if (c.op == "mean") return mean(x, axes, keep);
  if (c.op == "max") return amax(x, axes, keep);
  if (c.op == "min") return amin(x, axes, keep);
  if (c.op == "norm") return norm(x, axes, keep);
  if (c.op == "l1norm") return l1_norm(x, axes, keep);
  if (c.op == "std-unbiased") return std_dev(x, axes, 1, keep);
  return var(x, axes, c.op == "var-biased" ? 0 : 1, keep);
}

// The op of a case by its name. One function for all kinds: each instantiation of a check costs compile time.
template <class T>
Tensor<T> apply(const ReferenceCase& c, const test::CaseInputs<T>& in) {
  const Tensor<T> x = in("x");
  const auto number = [&](const char* key) { return c.attrs.at(key).get<std::int64_t>(); };
  if (c.op == "concat") {
    std::vector<Tensor<T>> inputs;
    for (const auto& [input, layout] : c.inputs.items()) inputs.push_back(in(input));
    return concat(inputs, axis_of(c));
  }
  if (c.op == "slice") return sliced(c, x);
  if (c.op == "flip") return flip(x, axis_of(c));
  if (c.op == "permute") return permuted(c, x);
  if (c.op == "flatten") return flatten(permute(x, {0, 3, 1, 2}));
  if (c.op == "channel_shuffle") return channel_shuffle(x, number("groups"));
  if (c.op == "pixel_shuffle") return pixel_shuffle(x, number("factor"));
  if (c.op == "index_select") return index_select(x, c.attrs.at("axis").get<int>(), c.in<std::int64_t>("index"));
  return reduced(c, x);
}
template <Precision P>
void check(const ReferenceCase& c) {
  test::check_op(
      c, [&]<class T>(const test::CaseInputs<T>& in) { return apply(c, in); }, P);
}
constexpr auto moves = check<Precision::exact>, sums = check<Precision::rounded>;

// Integer results: exactly the stored ones.
void require_same(const Tensor<std::int64_t>& found, const Tensor<double>& wanted) {
  REQUIRE(found.shape() == wanted.shape());
  REQUIRE(std::ranges::equal(found.values(), wanted.values()));
}

void check_ordered(const ReferenceCase& c) {
  const auto order = [&](const auto& x) {
    const int axis = c.attrs.at("axis");
    const bool descending = c.attrs.at("order") == "descending";
    return c.op == "sort" ? sort(x, axis, descending) : topk(x, c.attrs.at("k").get<std::int64_t>(), axis, descending);
  };
  check_types(
      c, [&]<class T>(T) { return order(c.in<T>("x")).values; }, Precision::exact, "values");
  require_same(order(c.in<float>("x")).indices, c.out("indices"));
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-shape",
    .checks = {{"pad", check_pad},
               {"concat", moves},
               {"slice", moves},
               {"flip", moves},
               {"permute", moves},
               {"flatten", moves},
               {"channel_shuffle", moves},
               {"pixel_shuffle", moves},
               {"index_select", moves},
               {"sum", sums},
               {"mean", sums},
               {"max", sums},
               {"min", sums},
               {"norm", sums},
               {"l1norm", sums},
               {"var-biased", sums},
               {"var-unbiased", sums},
               {"std-unbiased", sums},
               {"argmax",
                [](const ReferenceCase& c) {
                  const int axis = c.attrs.at("axis");
                  const auto compare = [&]<class T>(T) {
                    require_same(argmax(c.in<T>("x"), axis), c.out());
                    require_same(argmin(c.in<T>("x"), axis), c.out("argmin"));
                  };
                  compare(double{}), compare(float{});
                }},
               {"topk", check_ordered},
               {"sort", check_ordered},
               {"cumsum",
                [](const ReferenceCase& c) {
                  check_types(c, [&]<class T>(T) { return cumsum(c.in<T>("x"), c.attrs.at("axis").get<int>()); });
                }},
               {"one_hot",
                [](const ReferenceCase& c) {
                  const std::int64_t classes = c.attrs.at("classes");
                  const auto labels = c.in<std::int64_t>("x");
                  require_same(one_hot(labels, classes), c.out());
                  test::require_close(one_hot<float>(labels, classes), c.out(), 0);
                }}},
    .later = {}};
}  // namespace

TEST_CASE("shape ops equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("shape ops equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("gradients of rearrangements agree with finite differences, and are their adjoints") {
  test::Random random(test::seed());
  const auto both = [](const Tensor<double>& x, const test::LinearOp& f) {
    test::gradcheck({x}, [&](const auto& in) { return f(in[0]); });
    test::adjoint_check(x, f);
  };
  for (int i = 0; i < 14; ++i) {
    const std::int64_t n = i == 3 ? 0 : random.between(1, 3), c = random.between(1, 4);
    const Tensor<double> x = test::random_tensor(random, {n, random.between(1, 4), random.between(1, 5), c * 4});
    INFO("seed " << test::seed() << ", input " << x.shape());
    const int axis = static_cast<int>(random.between(-4, 3));
    const std::int64_t begin = random.between(0, x.size(axis)), end = random.between(begin, x.size(axis)),
                       step = random.between(1, 3);
    both(x, [&](const auto& t) { return slice(t, axis, begin, end, step); });
    both(x, [&](const auto& t) { return flip(t, axis); });
    both(x, [](const auto& t) { return permute(t, {3, 0, -2, 1}); });
    both(x, [](const auto& t) { return flatten(t); });
    both(x, [](const auto& t) { return flatten(t, -2); });
    both(x, [](const auto& t) { return channel_shuffle(t, 2); });
    both(x, [&](const auto& t) { return channel_shuffle(t, c * 4); });
    both(x, [](const auto& t) { return pixel_shuffle(t, 2); });
    both(x, [&](const auto& t) { return concat({t, t}, axis); });
    const Tensor<double> other = test::random_tensor(random, x.shape().with(axis, random.between(0, 3)));
    test::gradcheck({x, other}, [&](const auto& in) { return concat({in[1], in[0], in[1]}, axis); });
  }
}

TEST_CASE("rearrangements move the elements they should") {
  Tensor<std::int32_t> x({1, 1, 2, 4}, {0, 1, 2, 3, 10, 11, 12, 13});
  const auto values = [](const Tensor<std::int32_t>& t) {
    return std::vector<std::int32_t>(t.values().begin(), t.values().end());
  };
  REQUIRE(values(pixel_shuffle(x, 2)) == std::vector<std::int32_t>{0, 1, 10, 11, 2, 3, 12, 13});
  REQUIRE(pixel_shuffle(x, 2).shape() == Shape({1, 2, 4, 1}));
  REQUIRE(values(channel_shuffle(x, 2)) == std::vector<std::int32_t>{0, 2, 1, 3, 10, 12, 11, 13});
  REQUIRE(values(flip(x, 3)) == std::vector<std::int32_t>{3, 2, 1, 0, 13, 12, 11, 10});
  REQUIRE(values(slice(x, 3, -3, -1)) == std::vector<std::int32_t>{1, 2, 11, 12});
  REQUIRE(flatten(x).shape() == Shape({1, 8}));
  REQUIRE(flatten(x, 0, 2).shape() == Shape({2, 4}));
  REQUIRE_THROWS_WITH(channel_shuffle(x, 3), Catch::Contains("channels of input 1x1x2x4 are not divided by 3 groups"));
  REQUIRE_THROWS_WITH(pixel_shuffle(x, 3), Catch::Contains("not divided by 3x3"));
  REQUIRE_THROWS_WITH(flatten(x, 2, 1), Catch::Contains("flatten: dimensions 2 to 1"));
  REQUIRE_THROWS_WITH(slice(x, 3, 2, 1), Catch::Contains("slice: [2, 1) by 1 of dimension 3"));
  REQUIRE_THROWS_WITH(permute(x, {0, 1, 2, 2}), Catch::Contains("not each dimension"));
}

TEST_CASE("the gradient of every padding equals finite differences and is its adjoint") {
  struct Case {
    Shape x;
    Padding padding;
  };
  const std::vector<Case> cases = {{{1, 3, 4, 2}, 0},
                                   {{2, 4, 5, 3}, 1},
                                   {{1, 5, 6, 1}, {2, 3, 1, 4}},
                                   {{1, 4, 4, 2}, {-1, 2, 1, -2}},
                                   {{0, 3, 3, 2}, 2},
                                   {{1, 5, 5, 17}, {4, 0, 0, 4}},
                                   {{3, 2, 7, 1}, {1, 1, 6, 6}},
                                   {{1, 9, 2, 2}, {-3, -4, 0, 1}},
                                   {{2, 3, 3, 1}, {0, -1, -1, 0}},
                                   {{1, 6, 3, 4}, {5, 2, 2, 2}}};
  test::Random random(test::seed());
  for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular}) {
    for (const Case& k : cases) {
      INFO(name_of(mode) << " of " << k.x);
      const Tensor<double> x = test::random_tensor(random, k.x);
      test::gradcheck({x}, [&](const auto& in) { return pad(in[0], k.padding, mode, 1.5); });
      test::adjoint_check(x, [&](const auto& in) { return pad(in, k.padding, mode); });
    }
  }
}

TEST_CASE("pad refuses what a mode cannot take, and values that an integer type cannot hold") {
  const Tensor<std::int8_t> x({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6});
  REQUIRE(pad(x, {1, 0, 0, 0}, PadMode::constant, -128).at(0, 0, 0, 0) == -128);
  REQUIRE_THROWS_WITH(pad(x, 1, PadMode::constant, 300),
                      Catch::Matchers::Equals("pad: value 300 is not a value of int8"));
  REQUIRE_THROWS_WITH(pad(x, 1, PadMode::constant, 0.5),
                      Catch::Matchers::Equals("pad: value 0.5 is not a value of int8"));
  REQUIRE_THROWS_WITH(pad(x, {0, 2, 0, 0}, PadMode::reflect),
                      Catch::Matchers::Equals("pad: padding 0,2 of input 1x2x3x1, mode reflect takes at most 1"));
  REQUIRE_THROWS_WITH(pad(x, {0, 3, 0, 0}, PadMode::circular), Catch::Contains("takes at most 2"));
  REQUIRE_THROWS_WITH(pad(x, {-1, -2, 0, 0}), Catch::Contains("removes more than the 2 positions of input 1x2x3x1"));
  REQUIRE_THROWS_WITH(pad(x, Padding::same()), Catch::Contains("needs a window"));
  REQUIRE_THROWS_WITH(pad(Tensor<float>({2, 3}), 1), Catch::Contains("pad: input 2x3 has 2 dimensions"));
}

TEST_CASE("concat takes one tensor, empty ones, and any axis") {
  const Tensor<float> a({2, 1}, {1, 2}), b({2, 2}, {3, 4, 5, 6}), none({2, 0});
  const Tensor<float> y = concat({a, none, b}, -1);
  REQUIRE(std::vector<float>(y.values().begin(), y.values().end()) == std::vector<float>{1, 3, 4, 2, 5, 6});
  REQUIRE(concat({a}, 0).shape() == a.shape());
}

TEST_CASE("concat of shapes that differ elsewhere names both") {
  const Tensor<float> a({2, 3}), b({3, 3}), c({2, 3, 1});
  REQUIRE_THROWS_WITH(concat({a, b}, 1),
                      Catch::Matchers::Equals("concat: inputs 2x3 and 3x3 may differ in dimension 1 only"));
  REQUIRE_THROWS_WITH(concat({a, c}, 1), Catch::Contains("concat: inputs 2x3 and 2x3x1"));
  REQUIRE_THROWS_WITH(concat({a}, 2), Catch::Contains("concat: axis 2 of input 2x3"));
  REQUIRE_THROWS_WITH(concat(std::vector<Tensor<float>>(), 0), Catch::Matchers::Equals("concat: no tensors"));
}
