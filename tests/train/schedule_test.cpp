// Schedules against the reference tables, and what they refuse.
#include <support/reference.h>

#include <fovea/train/schedule.h>
#include <fovea/train/sgd.h>

namespace {
using namespace fovea;
using Catch::Contains;
using nlohmann::json;

// The schedule of a case without state.
Schedule make_schedule(const json& c) {
  const json& a = c.at("attrs");
  const std::string op = c.at("op");
  const double base_lr = a.at("base_lr");
  const auto number = [&](const char* key) { return a.at(key).get<double>(); };
  const auto whole = [&](const char* key) { return a.at(key).get<std::int64_t>(); };
  if (op == "StepLR") return StepLR{base_lr, whole("step_size"), number("gamma")};
  if (op == "MultiStepLR") return MultiStepLR{base_lr, a.at("milestones"), number("gamma")};
  if (op == "ExponentialLR") return ExponentialLR{base_lr, number("gamma")};
  if (op == "CosineAnnealingLR") return CosineAnnealingLR{base_lr, whole("T_max"), number("eta_min")};
  if (op == "CosineAnnealingWarmRestarts")
    return CosineAnnealingWarmRestarts{base_lr, whole("T_0"), whole("T_mult"), number("eta_min")};
  if (op == "OneCycleLR")
    return OneCycleLR{.max_lr = number("max_lr"),
                      .total_steps = whole("total_steps"),
                      .pct_start = number("pct_start"),
                      .anneal_strategy = a.at("anneal") == "cos" ? AnnealStrategy::cos : AnnealStrategy::linear,
                      .base_momentum = number("base_momentum"),
                      .max_momentum = number("max_momentum"),
                      .div_factor = number("div_factor"),
                      .final_div_factor = number("final_div_factor"),
                      .three_phase = a.at("three_phase")};
  if (op == "PolynomialLR") return PolynomialLR{base_lr, whole("total_iters"), number("power")};
  if (op == "LinearLR") return LinearLR{base_lr, number("start_factor"), number("end_factor"), whole("total_iters")};
  if (op == "ConstantLR") return ConstantLR{base_lr, number("factor"), whole("total_iters")};
  if (op == "LambdaLR") {
    REQUIRE(a.at("rule") == "lr*min(1,(i+1)/10)");
    return LambdaLR{base_lr, [](std::int64_t i) { return std::min(1.0, static_cast<double>(i + 1) / 10); }};
  }
  if (op == "CyclicLR") {
    REQUIRE(a.at("mode") == "triangular2");
    return CyclicLR{.base_lr = 0.1,  // the table's; its attribute holds the optimizer's first rate
                    .max_lr = number("max_lr"),
                    .step_size_up = whole("step_size_up"),
                    .step_size_down = whole("step_size_down"),
                    .mode = CyclicMode::triangular2,
                    .cycle_momentum = false};
  }
  REQUIRE(op == "SequentialLR");
  if (a.contains("warmup")) {
    REQUIRE(a.at("warmup") == "LinearLR(start_factor=0.01,total_iters=5)");
    REQUIRE(a.at("then") == "CosineAnnealingLR(T_max=55,eta_min=0)");
    return SequentialLR{{LinearLR{.base_lr = base_lr, .start_factor = 0.01, .total_iters = 5},
                         CosineAnnealingLR{.base_lr = base_lr, .T_max = 55}},
                        {5}};
  }
  REQUIRE(a.at("parts") == json({"ConstantLR(0.1,20)", "ExponentialLR(0.9)", "StepLR(5,0.5)"}));
  return SequentialLR{{ConstantLR{base_lr, 0.1, 20}, ExponentialLR{base_lr, 0.9}, StepLR{base_lr, 5, 0.5}},
                      a.at("milestones")};
}

ReduceLROnPlateau make_plateau(const json& a) {
  return {.base_lr = a.at("base_lr"),
          .mode = a.at("mode") == "min" ? PlateauMode::min : PlateauMode::max,
          .factor = a.at("factor"),
          .patience = a.at("patience"),
          .threshold = a.at("threshold"),
          .threshold_mode = a.at("threshold_mode") == "rel" ? ThresholdMode::rel : ThresholdMode::abs,
          .cooldown = a.at("cooldown"),
          .min_lr = a.at("min_lr"),
          .eps = a.at("eps")};
}

// 1e-12 of the value; 0 is exact.
void require_rate(double found, double wanted, std::size_t step) {
  INFO("step " << step << ": " << found << ", wanted " << wanted);
  REQUIRE(std::abs(found - wanted) <= 1e-12 * std::abs(wanted));
}

void check_case(const json& c) {
  const json& rates = c.at("lr");
  REQUIRE(rates.size() == 60);
  const bool plateau = c.at("op") == "ReduceLROnPlateau";
  Schedule schedule = plateau ? Schedule(make_plateau(c.at("attrs"))) : make_schedule(c);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const auto step = static_cast<std::int64_t>(i);
    require_rate(schedule.lr(step), rates[i], i);
    if (c.contains("momentum"))
      require_rate(schedule.momentum(step).value(), c.at("momentum")[i], i);
    else
      REQUIRE_FALSE(schedule.momentum(step).has_value());
    if (!plateau) continue;
    const json& metric = c.at("metrics")[i];
    schedule.update(metric.is_string() ? std::numeric_limits<double>::infinity() : metric.get<double>(), step);
  }
}

std::size_t check_tables(const std::filesystem::path& folder) {
  const json index = json::parse(test::read_text(folder / "schedules.json"));
  for (const json& c : index.at("cases")) {
    INFO("schedules case " << c.at("name") << ", attributes " << c.at("attrs").dump());
    check_case(c);
  }
  return index.at("cases").size();
}

template <class S>
std::string message_of(const S& schedule, std::int64_t step = 0) {
  try {
    schedule.lr(step);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
}  // namespace

TEST_CASE("schedules equal the committed reference tables") {
  CHECK(check_tables(test::source_file("tests/data/reference")) > 0);
}
TEST_CASE("schedules equal all reference tables") {
  if (test::needs("data")) CHECK(check_tables(test::shared_data("reference")) == 24);
}

TEST_CASE("a warm-up is the sequence of a linear schedule and the one behind it") {
  const CosineAnnealingLR cosine = {.base_lr = 0.5, .T_max = 55};
  const WarmupLR warmup = {.warmup_iters = 5, .then = cosine, .start_factor = 0.01};
  const SequentialLR sequence = {{LinearLR{.base_lr = 0.5, .start_factor = 0.01, .total_iters = 5}, cosine}, {5}};
  for (std::int64_t i = 0; i < 60; ++i) require_rate(warmup.lr(i), sequence.lr(i), static_cast<std::size_t>(i));
  REQUIRE(WarmupLR{.warmup_iters = 0, .then = cosine}.lr(7) == cosine.lr(7));
}

TEST_CASE("a warm-up in front of one-cycle holds its first momentum, and a plateau behind one ignores what it hears") {
  const OneCycleLR cycle = {.max_lr = 1, .total_steps = 50};
  const Schedule schedule = WarmupLR{.warmup_iters = 10, .then = cycle};
  CHECK(schedule.momentum(3) == 0.95);
  CHECK(schedule.momentum(10) == 0.95);
  CHECK(schedule.momentum(24) == cycle.momentum(14));

  Schedule plateau = WarmupLR{.warmup_iters = 3, .then = ReduceLROnPlateau{.base_lr = 1, .patience = 0}};
  for (std::int64_t i = 0; i < 3; ++i) plateau.update(1, i);  // while it warms up
  CHECK(plateau.lr(3) == 1);
  plateau.update(1, 3);
  CHECK(plateau.lr(4) == 1);
  plateau.update(1, 4);
  CHECK(plateau.lr(5) == 0.1);
}

TEST_CASE("a sequence tells the metric to the schedule whose turn it is") {
  Schedule s = SequentialLR{{0.3, ReduceLROnPlateau{.base_lr = 0.2, .patience = 0}}, {2}};
  s.update(1, 0);
  s.update(2, 1);
  s.update(1, 2);
  CHECK(s.lr(1) == 0.3);
  CHECK(s.lr(3) == 0.2);
  s.update(1, 3);
  CHECK(s.lr(4) == 0.2 * 0.1);
}

TEST_CASE("copies of a schedule are independent") {
  Schedule a = ReduceLROnPlateau{.base_lr = 1, .patience = 0};
  a.update(1, 0);
  Schedule b = a;
  b.update(2, 1);
  CHECK(a.lr(2) == 1);
  CHECK(b.lr(2) == 0.1);
  a = b;
  CHECK(a.lr(2) == 0.1);
}

TEST_CASE("a plateau reduces no further than min_lr, and not by less than eps") {
  ReduceLROnPlateau p = {.base_lr = 1, .factor = 0.5, .patience = 0, .min_lr = 0.3};
  const double rates[] = {1, 0.5, 0.3, 0.3};
  for (const double rate : rates) {
    p.update(1);
    CHECK(p.lr() == rate);
  }
  ReduceLROnPlateau small = {.base_lr = 1e-8, .factor = 0.5, .patience = 0};
  small.update(1), small.update(1);
  CHECK(small.lr() == 1e-8);
  ReduceLROnPlateau nan = {.base_lr = 1, .patience = 0};
  nan.update(std::nan(""));
  CHECK(nan.lr() == 0.1);
}

TEST_CASE("piecewise linear: between the points a line, outside them the nearest point") {
  const PiecewiseLinearLR s = {{{2, 0.1}, {6, 0.5}, {10, 0}}};
  const double wanted[] = {0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.375, 0.25, 0.125, 0, 0};
  for (std::int64_t i = 0; i < 12; ++i) CHECK(s.lr(i) == Approx(wanted[i]).margin(1e-15));
  CHECK(PiecewiseLinearLR{{{5, 0.25}}}.lr(0) == 0.25);
}

TEST_CASE("cyclic modes: the height stays, halves each cycle, or shrinks each step; momentum mirrors it") {
  const CyclicLR plain = {.base_lr = 1, .max_lr = 3, .step_size_up = 2, .step_size_down = 4};
  const double triangle[] = {1, 2, 3, 2.5, 2, 1.5, 1, 2, 3, 2.5};
  for (std::int64_t i = 0; i < 10; ++i) CHECK(plain.lr(i) == triangle[i]);
  CHECK(plain.momentum(0) == 0.9);
  CHECK(plain.momentum(2).value() == Approx(0.8));
  CHECK(plain.momentum(7).value() == Approx(0.85));

  CyclicLR halved = plain;
  halved.mode = CyclicMode::triangular2;
  CHECK(halved.lr(2) == 3);
  CHECK(halved.lr(8) == 2);
  CHECK(halved.lr(14) == 1.5);

  CyclicLR shrinking = plain;
  shrinking.mode = CyclicMode::exp_range;
  shrinking.gamma = 0.5;
  CHECK(shrinking.lr(2) == 1 + 2 * 0.25);
  CHECK(shrinking.lr(8) == 1 + 2 * std::pow(0.5, 8));

  CyclicLR even = {.base_lr = 1, .max_lr = 2, .step_size_up = 3};  // down as long as up
  CHECK(even.lr(6) == 1);
  CHECK(even.lr(9) == 2);
}

TEST_CASE("one-cycle stays at its end, and takes a cycle of one step or without a rise") {
  const OneCycleLR cycle = {.max_lr = 1, .total_steps = 10};
  CHECK(cycle.lr(9) == Approx(4e-6));
  CHECK(cycle.lr(100) == cycle.lr(9));
  CHECK(std::isfinite(OneCycleLR{.max_lr = 1, .total_steps = 1}.lr(0)));
  CHECK(std::isfinite(OneCycleLR{.max_lr = 1, .total_steps = 5, .pct_start = 0}.lr(0)));
  CHECK(std::isfinite(OneCycleLR{.max_lr = 1, .total_steps = 5, .pct_start = 1, .three_phase = true}.lr(4)));
}

TEST_CASE("a number is a constant schedule; apply sets rate and momentum") {
  Tensor<float> w({2});
  SGD optimizer({{"w", w}}, {.lr = 1, .momentum = 0.9});
  Schedule(0.25).apply(optimizer, 1000);
  CHECK(optimizer.lr() == 0.25);
  SGD plain({{"w", w}}, {.lr = 1});
  CHECK_THROWS_WITH(Schedule(OneCycleLR{.max_lr = 1, .total_steps = 10}).apply(plain, 0),
                    Contains("SGD: was made without momentum"));
  OneCycleLR still = {.max_lr = 1, .total_steps = 10, .cycle_momentum = false};
  Schedule(still).apply(plain, 2);
  CHECK(plain.lr() == still.lr(2));
}

TEST_CASE("schedules refuse wrong options and say what is wanted") {
  CHECK(message_of(StepLR{.step_size = 3}) == "StepLR: base_lr is 0, a rate above 0 is wanted");
  CHECK(message_of(StepLR{.base_lr = 1}) == "StepLR: step_size is 0, at least 1 is wanted");
  CHECK(message_of(StepLR{.base_lr = 1, .step_size = 3}, -1) == "StepLR: step -1, at least 0 is wanted");
  CHECK(message_of(ExponentialLR{.base_lr = 1}) == "ExponentialLR: gamma is 0, a factor above 0 is wanted");
  CHECK(message_of(CosineAnnealingLR{.base_lr = 1}) == "CosineAnnealingLR: T_max is 0, at least 1 is wanted");
  CHECK(message_of(CosineAnnealingWarmRestarts{.base_lr = 1, .T_0 = 3, .T_mult = 0}) ==
        "CosineAnnealingWarmRestarts: T_mult is 0, at least 1 is wanted");
  CHECK(message_of(CyclicLR{.base_lr = 1, .max_lr = 0.5}) == "CyclicLR: max_lr is 0.5, at least 1 is wanted");
  CHECK(message_of(OneCycleLR{.total_steps = 5}) == "OneCycleLR: max_lr is 0, a rate above 0 is wanted");
  CHECK(message_of(OneCycleLR{.max_lr = 1}) == "OneCycleLR: total_steps is 0, at least 1 is wanted");
  CHECK(message_of(OneCycleLR{.max_lr = 1, .total_steps = 5, .pct_start = 1.5}) ==
        "OneCycleLR: pct_start is 1.5, 0 to 1 is wanted");
  CHECK_THAT(message_of(PiecewiseLinearLR{}), Contains("no points"));
  CHECK_THAT(message_of(PiecewiseLinearLR{{{3, 1}, {3, 2}}}), Contains("steps must ascend"));
  CHECK_THAT(message_of(LambdaLR{.base_lr = 1}), Contains("lr_lambda is empty"));
  CHECK_THAT(message_of(SequentialLR{{0.1, 0.2}, {}}), Contains("2 schedules and 0 milestones"));
  CHECK_THAT(message_of(SequentialLR{{0.1, 0.2, 0.3}, {5, 4}}), Contains("do not ascend"));
  CHECK_THAT(message_of(WarmupLR{.warmup_iters = -1, .then = 0.1}), Contains("warmup_iters is -1"));
  ReduceLROnPlateau p = {.base_lr = 1, .factor = 1};
  CHECK_THROWS_WITH(p.update(1), "ReduceLROnPlateau: factor is 1, 0 <= factor < 1 is wanted");
}
