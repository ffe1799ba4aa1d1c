// Losses against the reference cases, by finite differences, and what they refuse and keep.
#include <fovea/ops/loss.h>
#include <support/gradcheck.h>
#include <support/reference.h>

namespace {
using namespace fovea;
using Catch::Contains;
using test::CaseInputs;
using test::gradcheck;
using test::random_tensor;
using test::ReferenceCase;

Reduction reduction_of(const ReferenceCase& c) {
  const std::map<std::string, Reduction> all = {{"none", Reduction::none},
                                                {"mean", Reduction::mean},
                                                {"sum", Reduction::sum},
                                                {"batchmean", Reduction::batchmean}};
  return all.at(c.attrs.at("reduction"));
}

// Forward and backward in one type. Losses of bf16 and half are float, so the upstream gradient is too.
template <class T, class F>
void check_loss_of(const ReferenceCase& c, F&& op, double tolerance) {
  using M = master_t<T>;
  const CaseInputs<T> in(c);
  Tape tape;
  for (const auto& [input, layout] : c.grads.items()) tape.watch(in(input), input);
  const Tensor<M> y = op(in);
  test::require_close(y, c.out(), tolerance);
  const Gradients gradients = tape.backward(y, c.upstream<M>());
  for (const auto& [input, layout] : c.grads.items()) {
    INFO("gradient of " << input << ", type " << dtype_of<T>);
    if constexpr (std::is_same_v<T, M>)
      test::require_close(gradients.of(in(input)), c.grad(input), tolerance);
    else
      test::require_rounded(gradients.of(in(input)), c.grad(input));
  }
}

template <class F>
void check_loss(const ReferenceCase& c, F&& op) {
  check_loss_of<double>(c, op, 1e-12);
  check_loss_of<float>(c, op, 1e-6);
  if (test::inputs_fit<bf16>(c)) check_loss_of<bf16>(c, op, 1e-6);
  if (test::inputs_fit<half>(c)) check_loss_of<half>(c, op, 1e-6);
}

template <class T>
Tensor<master_t<T>> class_loss(const ReferenceCase& c, const CaseInputs<T>& in) {
  CrossEntropyOptions<master_t<T>> o = {.weight = in.param("class_weight"), .reduction = reduction_of(c)};
  if (c.op == "nll_loss")
    return nll_loss(in("logp"), c.in<std::int64_t>("target"), {.weight = o.weight, .reduction = o.reduction});
  o.label_smoothing = c.attrs.at("label_smoothing");
  if (!c.attrs.at("ignore_index").is_null()) o.ignore_index = c.attrs.at("ignore_index");
  if (c.attrs.at("soft_labels")) return cross_entropy(in("x"), in.param("target"), o);
  return cross_entropy(in("x"), c.in<std::int64_t>("target"), o);
}

// The losses of two tensors, by the op's name.
template <class T>
Tensor<master_t<T>> element_loss(const ReferenceCase& c, const CaseInputs<T>& in) {
  const Reduction r = reduction_of(c);
  const Tensor<T> x = in("x"), t = in("t");
  const auto number = [&](const char* key) { return c.attrs.at(key).get<double>(); };
  if (c.op == "mse_loss") return mse_loss(x, t, r);
  if (c.op == "l1_loss") return l1_loss(x, t, r);
  if (c.op == "smooth_l1_loss") return smooth_l1_loss(x, t, number("beta"), r);
  if (c.op == "huber_loss") return huber_loss(x, t, number("delta"), r);
  if (c.op == "kl_div") return kl_div(in("logp"), in("target"), r, c.attrs.value("log_target", false));
  if (c.op == "sigmoid_focal_loss") return sigmoid_focal_loss(x, t, number("alpha"), number("gamma"), r);
  return binary_cross_entropy_with_logits(x, t, r, in.param("pos_weight"));
}

// One function for all kinds: each instantiation costs compile time.
void check(const ReferenceCase& c) {
  check_loss(c, [&]<class T>(const CaseInputs<T>& in) {
    return c.op == "cross_entropy" || c.op == "nll_loss" ? class_loss(c, in) : element_loss(c, in);
  });
}

const test::ReferenceGroupTest kGroup = {
    .group = "ops-loss",
    .checks = {{"cross_entropy", check},
               {"nll_loss", check},
               {"mse_loss", check},
               {"l1_loss", check},
               {"smooth_l1_loss", check},
               {"huber_loss", check},
               {"bce_with_logits", check},
               {"kl_div", check},
               {"sigmoid_focal_loss", check},
               {"distillation",
                [](const ReferenceCase& c) {
                  const double alpha = c.attrs.at("alpha"), t = c.attrs.at("T");
                  // Two losses, each back to the student, weighted by hand: the sum is linear in the upstream gradient.
                  const auto check = [&]<class T>(T, double tolerance) {
                    const Tensor<T> student = c.in<T>("student"), teacher = c.in<T>("teacher");
                    const auto weighted = [&](bool distilled) {
                      Tape tape{student};
                      const Tensor<T> y = distilled ? distillation_loss(student, teacher, t)
                                                    : cross_entropy(student, c.in<std::int64_t>("target"));
                      const T part = static_cast<T>((distilled ? alpha : 1 - alpha) * c.upstream<double>().item());
                      return std::pair(y.item(), tape.backward(y, Tensor<T>(Shape{}, part)).of(student));
                    };
                    const auto [soft, soft_dx] = weighted(true);
                    const auto [hard, hard_dx] = weighted(false);
                    test::require_close(Tensor<T>(Shape{}, static_cast<T>(alpha * soft + (1 - alpha) * hard)), c.out(),
                                        tolerance);
                    Tensor<T> dx = soft_dx.clone();
                    for (std::int64_t i = 0; i < dx.numel(); ++i) dx.mutable_data()[i] += hard_dx.data()[i];
                    test::require_close(dx, c.grad("student"), tolerance);
                  };
                  check(double{}, 1e-12);
                  check(float{}, 1e-6);
                }}},
    .later = {}};

Tensor<std::int64_t> random_labels(test::Random& random, const Shape& shape, std::int64_t classes) {
  Tensor<std::int64_t> labels(shape);
  for (std::int64_t& l : labels.mutable_values()) l = random.between(0, classes - 1);
  return labels;
}
}  // namespace

TEST_CASE("losses equal the committed reference cases") { kGroup.run_committed(); }
TEST_CASE("losses equal all reference cases") { kGroup.run_shared(); }

TEST_CASE("gradients of cross entropy agree with finite differences") {
  test::Random random(test::seed());
  for (int i = 0; i < 24; ++i) {
    const std::int64_t classes = random.between(1, 7);
    const Shape rows = i % 4 == 0   ? Shape{}
                       : i % 4 == 1 ? Shape{random.between(1, 5)}
                                    : Shape{random.between(0, 2), random.between(1, 3), random.between(1, 4)};
    std::vector<std::int64_t> size(rows.begin(), rows.end());
    size.push_back(classes);
    const Tensor<double> x = random_tensor(random, Shape(std::span<const std::int64_t>(size)), 3);
    if (x.numel() == 0) continue;
    Tensor<std::int64_t> labels = random_labels(random, rows, classes);
    if (labels.numel() > 1 && i % 3 == 0) labels.mutable_data()[0] = -100;
    CrossEntropyOptions<double> o = {.reduction = static_cast<Reduction>(i % 4),
                                     .label_smoothing = i % 2 ? 0.1 * static_cast<double>(random.between(0, 10)) : 0};
    if (i % 5 < 2) {
      o.weight = random_tensor(random, {classes}, 1);
      for (double& w : o.weight.mutable_values()) w = 1.5 + w;
    }
    Tensor<double> soft = random_tensor(random, x.shape());
    for (double& q : soft.mutable_values()) q = std::abs(q);
    INFO("case " << i << ", input " << x.shape() << ", smoothing " << o.label_smoothing);
    gradcheck({x}, [&](const auto& in) { return cross_entropy(in[0], labels, o); });
    gradcheck({x}, [&](const auto& in) { return cross_entropy(in[0], soft, o); });
    gradcheck({x},
              [&](const auto& in) { return nll_loss(in[0], labels, {.weight = o.weight, .reduction = o.reduction}); });
    gradcheck({x}, [&](const auto& in) { return distillation_loss(in[0], soft, 0.5 + 0.25 * i); });
  }
}

TEST_CASE("gradients of losses of two tensors agree with finite differences, in both operands") {
  test::Random random(test::seed());
  for (int i = 0; i < 16; ++i) {
    const Shape shape = i == 0 ? Shape{} : Shape{random.between(1, 4), random.between(1, 3), random.between(1, 5)};
    const Tensor<double> x = random_tensor(random, shape, 3);
    // Differences keep off 0 and off the corners at 0.5; targets of classification lie inside (0, 1).
    Tensor<double> t = random_tensor(random, shape, 0.45, 0.01), p = random_tensor(random, shape, 0.4);
    for (std::int64_t k = 0; k < t.numel(); ++k) {
      t.mutable_data()[k] = x.data()[k] + t.data()[k] + (k % 2 ? 0 : t.data()[k] > 0 ? 0.6 : -0.6);
      p.mutable_data()[k] += 0.5;
    }
    const Reduction r = static_cast<Reduction>(i % 4);
    Tensor<double> w;
    if (i > 0 && i % 2) w = Tensor<double>({shape[-1]}, 2.5);
    const std::vector<Tensor<double>> near = {x, t}, probabilities = {x, p};
    INFO("case " << i << ", shape " << shape << ", reduction " << name_of(r));
    gradcheck(near, [&](const auto& in) { return mse_loss(in[0], in[1], r); });
    gradcheck(near, [&](const auto& in) { return l1_loss(in[0], in[1], r); });
    gradcheck(near, [&](const auto& in) { return smooth_l1_loss(in[0], in[1], 0.5, r); });
    gradcheck(near, [&](const auto& in) { return huber_loss(in[0], in[1], 0.5, r); });
    gradcheck(probabilities, [&](const auto& in) { return binary_cross_entropy_with_logits(in[0], in[1], r, w); });
    gradcheck(probabilities, [&](const auto& in) { return kl_div(in[0], in[1], r); });
    gradcheck(near, [&](const auto& in) { return kl_div(in[0], in[1], r, true); });
    gradcheck(probabilities, [&](const auto& in) { return sigmoid_focal_loss(in[0], in[1], 0.25, 2, r); });
    gradcheck(probabilities, [&](const auto& in) { return sigmoid_focal_loss(in[0], in[1], -1, 1.5, r); });
    gradcheck(probabilities, [&](const auto& in) { return sigmoid_focal_loss(in[0], in[1], 0.5, 0, r); });
  }
}

TEST_CASE("losses of extreme logits are finite and exact") {
  const Tensor<float> x({2, 3}, {1000, -1000, 0, -3e38f, 3e38f, 0});
  REQUIRE(cross_entropy(x, Tensor<std::int64_t>({2}, {0, 1})).item() == 0);
  REQUIRE(cross_entropy(x, Tensor<std::int64_t>({2}, {1, 1}), {.reduction = Reduction::sum}).item() == 2000);
  const Tensor<float> z({2}, {1e4f, -1e4f}), one({2}, 1.f);
  const Tensor<float> y = binary_cross_entropy_with_logits(z, one, Reduction::none);
  REQUIRE(y.at(0) == 0);
  REQUIRE(y.at(1) == 1e4f);
}

TEST_CASE("rows with the ignored label count for nothing, and a mean of none is NaN") {
  const Tensor<float> x({3, 4}, {1, 2, 3, 4, 9, 8, 7, 6, 0, 1, 0, 1});
  const Tensor<std::int64_t> some({3}, {-100, 2, -100}), none({3}, {-100, -100, -100});
  Tape tape{x};
  const Tensor<float> y = cross_entropy(x, some);
  REQUIRE(y.item() == cross_entropy(x.view(1, 2), some.view(1, 2)).item());
  const Tensor<float> dx = tape.backward(y).of(x);
  for (std::int64_t i = 0; i < 4; ++i) REQUIRE((dx.data()[i] == 0 && dx.data()[8 + i] == 0 && dx.data()[4 + i] != 0));
  REQUIRE(std::isnan(cross_entropy(x, none).item()));
  REQUIRE(cross_entropy(x, none, {.reduction = Reduction::sum}).item() == 0);
}

TEST_CASE("losses of bf16 are float, and cross entropy keeps a double a row beside its input") {
  const Tensor<bf16> x({64, 1000});
  const Tensor<std::int64_t> labels({64});
  static_assert(std::is_same_v<decltype(cross_entropy(x, labels)), Tensor<float>>);
  static_assert(std::is_same_v<decltype(mse_loss(x, x)), Tensor<float>>);
  const std::int64_t before = live_bytes();
  Tape tape{x};
  const Tensor<float> y = cross_entropy(x, labels);
  REQUIRE(live_bytes() - before == 64 * 8 + 4);
  REQUIRE(y.item() == Approx(std::log(1000)));
}

TEST_CASE("sums of losses have the same bits at any thread count") {
  test::Random random(test::seed());
  Tensor<float> x({37, 1013}), t(x.shape());
  for (float& v : x.mutable_values()) v = static_cast<float>(random.between(-1000, 1000)) * 0.0037f;
  for (float& v : t.mutable_values()) v = static_cast<float>(random.between(0, 1000)) * 0.001f;
  const Tensor<std::int64_t> labels = random_labels(random, {37}, 1013);
  const int before = thread_count();
  std::vector<float> wanted;
  for (const int threads : {1, 2, 7}) {
    set_thread_count(threads);
    Tape tape{x};
    const Tensor<float> y = cross_entropy(x, labels);
    std::vector<float> found = {mse_loss(x, t).item(), sigmoid_focal_loss(x, t, 0.25, 2, Reduction::sum).item(),
                                y.item()};
    const Tensor<float> dx = tape.backward(y).of(x);
    found.insert(found.end(), dx.values().begin(), dx.values().end());
    if (wanted.empty()) wanted = found;
    REQUIRE(found == wanted);
  }
  set_thread_count(before);
}

TEST_CASE("losses refuse what does not fit, by name") {
  const Tensor<float> x({2, 3}), y({3, 2});
  const Tensor<std::int64_t> labels({2}, {0, 3});
  REQUIRE_THROWS_WITH(cross_entropy(x, labels), Contains("cross_entropy: label 3 of row 1, the input has 3 classes"));
  REQUIRE_THROWS_WITH(cross_entropy(x, Tensor<std::int64_t>({3})), Contains("input 2x3 wants labels 2, target is 3"));
  REQUIRE_THROWS_WITH(cross_entropy(x, y), Contains("input 2x3 wants soft labels of its shape, target is 3x2"));
  REQUIRE_THROWS_WITH(cross_entropy(x, x, {.weight = Tensor<float>({2})}), Contains("weight 2 wants 2"));
  REQUIRE_THROWS_WITH(cross_entropy(x, x, {.label_smoothing = 1.5}), Contains("label_smoothing 1.5"));
  REQUIRE_THROWS_WITH(cross_entropy(Tensor<float>(Shape{}), Tensor<std::int64_t>(Shape{})),
                      Contains("scores of C >= 1"));
  REQUIRE_THROWS_WITH(nll_loss(x, labels), Contains("nll_loss: label 3"));
  REQUIRE_THROWS_WITH(mse_loss(x, y), Contains("mse_loss: input 2x3, target 3x2"));
  REQUIRE_THROWS_WITH(smooth_l1_loss(x, x, -1), Contains("smooth_l1_loss: beta -1"));
  REQUIRE_THROWS_WITH(huber_loss(x, x, 0), Contains("huber_loss: delta 0"));
  REQUIRE_THROWS_WITH(sigmoid_focal_loss(x, x, 2), Contains("alpha 2"));
  REQUIRE_THROWS_WITH(distillation_loss(x, y), Contains("student 2x3, teacher 3x2"));
  REQUIRE_THROWS_WITH(distillation_loss(x, x, 0), Contains("temperature 0"));
}
