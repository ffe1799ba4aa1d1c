// The optimizers, moving averages and clipping against the reference cases: ten steps fed with the stored gradients,
// and ten with gradients of the test's own.
#include <train/optimizer_cases.h>

namespace {
using namespace fovea;
using test::ReferenceCase;

const char* const kKeys[] = {"w", "b"};  // w: 5x3, b: 4

Tensor<double> row(const Tensor<double>& table, std::int64_t i) {
  const std::span<const std::int64_t> sizes = table.shape().sizes();
  return table.view(i, i + 1).reshape(Shape(sizes.subspan(1)));
}

// g = a (p - t) - sin(2p) / 2.
template <class T>
Tensor<T> gradient_at(const ReferenceCase& c, const std::string& key, const Tensor<T>& p) {
  const Tensor<T> a = c.in<T>(key + ".a"), t = c.in<T>(key + ".t");
  Tensor<T> g(p.shape());
  for (std::int64_t i = 0; i < g.numel(); ++i)
    g.mutable_data()[i] = a.data()[i] * (p.data()[i] - t.data()[i]) - std::sin(2 * p.data()[i]) / 2;
  return g;
}

// The stored state of w or b: under torch's name, or that of the formula where torch has no such optimizer.
Tensor<double> stored_state(const ReferenceCase& c, const std::string& key, const std::string& state) {
  const bool second = state == "exp_avg_sq";
  for (const std::string& name : {state, std::string(second ? "v" : "m"), std::string("v")})
    if (c.tensors->find(c.name + "/out/" + key + ".state." + name)) return c.out(key + ".state." + name);
  return {};
}

template <class T>
void follow(const ReferenceCase& c, double tolerance, bool open_loop) {
  INFO((open_loop ? "open" : "closed") << " loop, " << dtype_of<T>);
  std::vector<NamedTensor> named;
  std::vector<Tensor<T>> parameters;
  for (const char* key : kKeys) {
    parameters.push_back(c.in<T>(std::string(key) + ".p0").clone());
    named.push_back({key, parameters.back()});
  }
  const auto optimizer = test::make_optimizer(c.op, named, c.attrs);
  const StepLR halved = {.base_lr = 0.1, .step_size = 4, .gamma = 0.5};  // of the case whose lr is a rule
  for (std::int64_t i = 0; i < 10; ++i) {
    INFO("step " << i);
    if (c.attrs.at("lr").is_string()) optimizer->set_lr(halved.lr(i));
    std::vector<Tensor<T>> gradients;
    for (std::size_t k = 0; k < 2; ++k)
      gradients.push_back(open_loop ? row(c.out(std::string(kKeys[k]) + ".g"), i).template to<T>()
                                    : gradient_at(c, kKeys[k], parameters[k]));
    optimizer->step(test::gradients_of(parameters, gradients));
    for (std::size_t k = 0; k < 2; ++k)
      test::require_close(parameters[k], row(c.out(std::string(kKeys[k]) + ".p"), i + 1), tolerance);
  }
  REQUIRE(optimizer->steps() == 10);
  optimizer->for_each_state([&](const std::string& name, AnyTensor& state) {
    INFO("state " << name);
    const Tensor<double> stored = stored_state(c, name.substr(0, 1), name.substr(2));
    REQUIRE(stored.defined());
    test::require_close(state.as<T>(), stored, tolerance);
  });
}

void check_optimizer(const ReferenceCase& c) {
  for (const bool open_loop : {true, false}) {
    follow<double>(c, 1e-12, open_loop);
    follow<float>(c, 1e-5, open_loop);
  }
}

template <class T>
void check_ema(const ReferenceCase& c, double tolerance) {
  const Tensor<double> points = c.in<double>("p"), averages = c.out("e");
  Tensor<T> p = row(points, 0).to<T>().clone();
  EMA average({{"p", p}}, {.decay = c.attrs.at("decay"), .warmup = c.attrs.at("warmup").is_string()});
  for (std::int64_t i = 1; i < points.size(0); ++i) {
    const Tensor<T> next = row(points, i).to<T>();
    std::copy_n(next.data(), p.numel(), p.mutable_data());
    average.update();
    average.for_each_state([&](const std::string& name, AnyTensor& e) {
      REQUIRE(name == "p");
      test::require_close(e.as<T>(), row(averages, i - 1), tolerance);
    });
  }
}

template <class T>
void check_clip(const ReferenceCase& c, double tolerance) {
  const std::vector<Tensor<T>> parameters = {Tensor<T>({5, 3}), Tensor<T>({4})};
  Gradients g = test::gradients_of(parameters, {c.in<T>("w"), c.in<T>("b")});
  const bool infinite = c.attrs.at("norm").is_string();
  const double norm = clip_grad_norm(g, c.attrs.at("max_norm"), {.norm_type = infinite ? kMaximumNorm : 2});
  test::require_close(Tensor<double>({1}, norm), c.out("total_norm").reshape({1}), 1e-12);
  test::require_close(g.of(parameters[0]), c.out("w"), tolerance);
  test::require_close(g.of(parameters[1]), c.out("b"), tolerance);
}

test::ReferenceGroupTest group() {
  test::ReferenceGroupTest g = {.group = "optimizers",
                                .checks = {{"ema",
                                            [](const ReferenceCase& c) {
                                              check_ema<double>(c, 1e-12);
                                              check_ema<float>(c, 1e-5);
                                            }},
                                           {"clip_grad_norm",
                                            [](const ReferenceCase& c) {
                                              check_clip<double>(c, 1e-12);
                                              check_clip<float>(c, 1e-5);
                                            }}},
                                .later = {}};
  for (const std::string& name : test::kOptimizers) g.checks[name] = check_optimizer;
  return g;
}
}  // namespace

TEST_CASE("optimizers equal the committed reference cases") { group().run_committed(); }
TEST_CASE("optimizers equal all reference cases") { group().run_shared(); }
