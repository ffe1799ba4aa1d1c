// What all optimizers do: groups, state, errors, the same bits at any thread count.
#include <train/optimizer_cases.h>

namespace {
using namespace fovea;
using Catch::Contains;
using test::gradients_of;

template <class T>
Tensor<T> random_values(test::Random& random, const Shape& shape) {
  Tensor<T> t(shape);
  for (T& v : t.mutable_values()) v = static_cast<T>(random.between(-1000, 1000)) / T(1000);
  return t;
}
std::vector<float> all_values(const std::vector<Tensor<float>>& tensors) {
  std::vector<float> all;
  for (const Tensor<float>& t : tensors) all.insert(all.end(), t.values().begin(), t.values().end());
  return all;
}

// A filter that several threads share, a tall matrix and a vector of odd length.
const std::vector<Shape> kShapes = {{48, 40, 5, 5}, {67, 21}, {331}};

struct Net {
  std::vector<Tensor<float>> parameters;
  explicit Net(std::uint64_t seed) {
    test::Random random(seed);
    for (const Shape& shape : kShapes) parameters.push_back(random_values<float>(random, shape));
  }
  std::vector<NamedTensor> named() const {
    std::vector<NamedTensor> list;
    for (std::size_t i = 0; i < parameters.size(); ++i) list.push_back({"p" + std::to_string(i), parameters[i]});
    return list;
  }
  void step(Optimizer& optimizer, std::uint64_t seed) const {
    test::Random random(seed);
    std::vector<Tensor<float>> gradients;
    for (const Shape& shape : kShapes) gradients.push_back(random_values<float>(random, shape));
    optimizer.step(gradients_of(parameters, gradients));
  }
};

// Options under which every optimizer keeps all the state that it can.
const nlohmann::json kAllState = {{"lr", 0.01},       {"momentum", 0.9}, {"centered", true},    {"amsgrad", true},
                                  {"nesterov", true}, {"wd", 0.01},      {"weight_decay", 0.01}};

struct ThreadCount {
  explicit ThreadCount(int n) { set_thread_count(n); }
  ~ThreadCount() { set_thread_count(0); }
};
}  // namespace

TEST_CASE("optimizers give the same bits at 1, 2 and 7 threads") {
  for (const std::string& name : test::kOptimizers) {
    INFO(name);
    std::vector<float> one;
    for (const int threads : {1, 2, 7}) {
      INFO(threads << " threads");
      const ThreadCount count(threads);
      const Net net(1);
      const auto optimizer = test::make_optimizer(name, net.named(), kAllState);
      for (std::uint64_t i = 0; i < 2; ++i) net.step(*optimizer, 10 + i);
      std::vector<float> found = all_values(net.parameters);
      optimizer->for_each_state([&](const std::string&, AnyTensor& s) {
        const Tensor<float> t = s.as<float>();
        found.insert(found.end(), t.values().begin(), t.values().end());
      });
      if (one.empty()) one = found;
      REQUIRE(found == one);
    }
  }
}

TEST_CASE("an optimizer that gets another's state and step goes on with the same bits") {
  for (const std::string& name : test::kOptimizers) {
    INFO(name);
    const Net net(2);
    const auto first = test::make_optimizer(name, net.named(), kAllState);
    for (std::uint64_t i = 0; i < 3; ++i) net.step(*first, 20 + i);
    std::map<std::string, Tensor<float>> saved;
    first->for_each_state([&](const std::string& key, AnyTensor& s) { saved[key] = s.as<float>().clone(); });
    REQUIRE_FALSE(saved.empty());
    std::vector<Tensor<float>> kept;
    for (const Tensor<float>& p : net.parameters) kept.push_back(p.clone());
    net.step(*first, 30);
    const std::vector<float> wanted = all_values(net.parameters);

    Net other(3);
    other.parameters = kept;
    const auto second = test::make_optimizer(name, other.named(), kAllState);
    second->for_each_state([&](const std::string& key, AnyTensor& s) { s = saved.at(key); });
    second->set_steps(first->steps() - 1);
    other.step(*second, 30);
    REQUIRE(all_values(other.parameters) == wanted);
    REQUIRE(second->steps() == 4);
  }
}

TEST_CASE("state is listed by parameter and torch's names, and a wrong replacement is refused") {
  const Net net(4);
  Adam optimizer(net.named(), {.amsgrad = true});
  std::vector<std::string> names;
  optimizer.for_each_state([&](const std::string& name, AnyTensor&) { names.push_back(name); });
  const std::vector<std::string> wanted = {"p0.exp_avg", "p0.exp_avg_sq", "p0.max_exp_avg_sq",
                                           "p1.exp_avg", "p1.exp_avg_sq", "p1.max_exp_avg_sq",
                                           "p2.exp_avg", "p2.exp_avg_sq", "p2.max_exp_avg_sq"};
  CHECK(names == wanted);
  CHECK_THROWS_WITH(optimizer.for_each_state([](const std::string&, AnyTensor& s) { s = Tensor<float>({2}); }),
                    "Adam: state p0.exp_avg is float32 2, its parameter wants float32 48x40x5x5");
  SGD plain(net.named(), {.lr = 0.1});
  plain.for_each_state([](const std::string& name, AnyTensor&) { FAIL("plain SGD has state " << name); });
}

TEST_CASE("vectors can be kept from weight decay, and groups have rates of their own") {
  Tensor<double> filter({2, 1, 1, 1}, 1.0), matrix({2, 2}, 1.0), norm({2}, 1.0), bias({2}, 1.0);
  const std::vector<NamedTensor> all = {{"conv", filter}, {"norm", norm}, {"fc", matrix}, {"bias", bias}};
  SGD optimizer(no_decay_on_vectors(all), {.lr = 0.5, .weight_decay = 0.5});
  REQUIRE(optimizer.group_count() == 2);
  const std::vector<Tensor<double>> parameters = {filter, norm, matrix, bias};
  std::vector<Tensor<double>> zeros, ones;
  for (const Tensor<double>& p : parameters) zeros.emplace_back(p.shape()), ones.emplace_back(p.shape(), 1.0);
  optimizer.step(gradients_of(parameters, zeros));
  CHECK(filter.at(0, 0, 0, 0) == 0.75);
  CHECK(matrix.at(1, 1) == 0.75);
  CHECK(norm.at(0) == 1);
  CHECK(bias.at(1) == 1);
  optimizer.set_lr_scale(1, 0.5);
  optimizer.set_weight_decay(0, 0);
  optimizer.step(gradients_of(parameters, ones));
  CHECK(matrix.at(0, 0) == 0.25);
  CHECK(norm.at(0) == 0.75);

  SGD of_groups({{.parameters = {{"a", filter}}}, {.parameters = {{"b", norm}}, .lr_scale = 0.1}}, {.lr = 1});
  CHECK(of_groups.lr_scale(0) == 1);
  CHECK(of_groups.lr_scale(1) == 0.1);
}

TEST_CASE("a step announces its writes, and reads the gradients of its own parameters only") {
  Tensor<float> a({2, 2}, 1.f), b({2, 2}, 1.f);
  SGD first({{"a", a}}, {.lr = 1});
  Muon second({{"b", b}}, {.lr = 1});
  const Gradients g = gradients_of<float>({a, b}, {Tensor<float>({2, 2}, 1.f), Tensor<float>({2, 2}, 1.f)});
  const std::uint64_t version_a = a.storage().version(), version_b = b.storage().version();
  first.step(g);
  CHECK(a.storage().version() > version_a);
  CHECK(b.storage().version() == version_b);
  CHECK(a.at(0, 0) == 0);
  second.step(g);
  CHECK(b.storage().version() > version_b);
}

TEST_CASE("a missing gradient is named, and nothing has changed then") {
  Tensor<float> a({2}, 1.f), b({3}, 1.f);
  SGD optimizer({{"fc.weight", a}, {"fc.bias", b}}, {.lr = 1});
  CHECK_THROWS_WITH(optimizer.step(gradients_of<float>({a}, {Tensor<float>({2}, 1.f)})),
                    Contains("SGD: no gradient of fc.bias 3: the tape did not watch it"));
  CHECK(a.at(0) == 1);
  CHECK(optimizer.steps() == 0);
}

TEST_CASE("wrong parameters and options are refused in plain words") {
  const Tensor<float> w({2});
  const std::vector<NamedTensor> p = {{"w", w}};
  CHECK_THROWS_WITH(SGD(p, {.lr = -0.1}), "SGD: lr is -0.1, a number of at least 0 is wanted");
  CHECK_THROWS_WITH(SGD(p, {.lr = std::nan("")}), Contains("lr is nan"));
  CHECK_THROWS_WITH(SGD(p, {.nesterov = true}), Contains("nesterov wants a momentum and no dampening"));
  CHECK_THROWS_WITH(Adam(p, {.betas = {1.0, 0.5}}), "Adam: beta1 is 1, 0 <= beta1 < 1 is wanted");
  CHECK_THROWS_WITH(AdamW(p, {.weight_decay = -1}), "AdamW: weight_decay is -1, a number of at least 0 is wanted");
  CHECK_THROWS_WITH(Adadelta(p, {.eps = 0}), Contains("eps is 0, a number above 0"));
  CHECK_THROWS_WITH(Muon(p, {.ns_steps = -1}), Contains("ns_steps is -1"));
  CHECK_THROWS_WITH(SGD(std::vector<NamedTensor>{}), "SGD: there is no parameter to train");
  CHECK_THROWS_WITH(SGD({{"w", w}, {"w", Tensor<float>({3})}}), "SGD: two parameters are named 'w'");
  CHECK_THROWS_WITH(SGD({{"w", w}, {"tied", w}}), "SGD: parameter tied is listed twice");
  CHECK_THROWS_WITH(SGD({{"w", Tensor<bf16>({2})}, {"v", w}}),
                    "SGD: parameter w is bfloat16, float32 or float64 is wanted");
  CHECK_THROWS_WITH(SGD({{.parameters = p, .lr_scale = -1}, {}}), Contains("lr_scale of a group is -1"));

  SGD sgd(p, {.lr = 1});
  CHECK_THROWS_WITH(sgd.set_lr(-1), Contains("SGD: lr is -1"));
  CHECK_THROWS_WITH(sgd.set_lr_scale(1, 2), "SGD: group 1 is unknown, there are 1, counted from 0");
  CHECK_THROWS_WITH(sgd.weight_decay(-1), Contains("group -1 is unknown"));
  CHECK_THROWS_WITH(sgd.set_momentum(0.9), Contains("was made without momentum"));
  CHECK_THROWS_WITH(sgd.set_steps(-1), Contains("steps is -1"));
  CHECK_THROWS_WITH(Adagrad(p).set_momentum(0.9), "Adagrad: has no momentum to set");
}

TEST_CASE("momentum set by a schedule is that of the next step") {
  Tensor<double> w({1}, 0.0);
  SGD optimizer({{"w", w}}, {.lr = 1, .momentum = 0.5});
  const auto step = [&] { optimizer.step(gradients_of<double>({w}, {Tensor<double>({1}, 1.0)})); };
  step();  // v = 1
  optimizer.set_momentum(0.25);
  step();  // v = 1.25
  CHECK(w.item() == -2.25);
}

TEST_CASE("centered RMSprop stays finite where equal gradients leave no variance") {
  Tensor<float> w({64}, 1.f);
  RMSprop optimizer({{"w", w}}, {.lr = 1e-6, .alpha = 0.5, .centered = true});
  for (int i = 0; i < 100; ++i) optimizer.step(gradients_of<float>({w}, {Tensor<float>({64}, 0.3f)}));
  for (const float v : w.values()) REQUIRE(std::isfinite(v));
}

TEST_CASE("orthogonalize brings singular values near 1, and treats a filter as its matrix") {
  // diag(3, 1, 0.5) in a wide matrix: its singular values are its entries, and stay on the diagonal.
  Tensor<double> u({3, 5});
  for (std::int64_t i = 0; i < 3; ++i)
    u.mutable_data()[i * 5 + i] = std::array<double, 3>{3, 1, 0.5}[static_cast<std::size_t>(i)];
  const Tensor<double> x = orthogonalize(u);
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 5; ++j) {
      if (i == j)
        CHECK(std::abs(x.at(i, j) - 0.95) < 0.3);
      else
        CHECK(x.at(i, j) == 0);
    }
  test::Random random(5);
  const Tensor<double> values = random_values<double>(random, {6, 2, 3, 2}),
                       slope = random_values<double>(random, {6, 2, 3, 2});
  Tensor<double> filter = values.clone(), matrix = values.clone().reshape({6, 12});
  Muon of_filter({{"w", filter}}), of_matrix({{"w", matrix}});
  of_filter.step(gradients_of<double>({filter}, {slope}));
  of_matrix.step(gradients_of<double>({matrix}, {slope.reshape({6, 12})}));
  CHECK(std::ranges::equal(filter.values(), matrix.values()));
  CHECK_FALSE(std::ranges::equal(filter.values(), values.values()));
  CHECK_THROWS_WITH(orthogonalize(values), Contains("a matrix is wanted"));
}
