#include <thread>

#include <fovea/core/record.h>
#include <support/catch.h>

using namespace fovea;

namespace {
Tensor<float> twice(const Tensor<float>& x) {
  return record(
      "twice",
      [] {
        return Attributes{{"factor", std::int64_t{2}}};
      },
      {x.id()}, x.detach());
}
}  // namespace

TEST_CASE("a trace keeps op, attributes, ids and shape of what runs while it is alive") {
  const Tensor<float> x({2, 3});
  (void)twice(x);
  Trace trace;
  const Tensor<float> y = twice(x), z = twice(y);
  REQUIRE(trace.records().size() == 2);
  const Record& second = trace.records()[1];
  CHECK(second.op == "twice");
  CHECK(second.inputs == std::vector<ValueId>{y.id()});
  CHECK(second.output == z.id());
  CHECK(second.shape == Shape{2, 3});
  REQUIRE(second.attributes.size() == 1);
  CHECK(second.attributes[0].first == "factor");
  CHECK(std::get<std::int64_t>(second.attributes[0].second) == 2);
  CHECK(trace.records()[0].inputs == std::vector<ValueId>{x.id()});
}

TEST_CASE("attributes are not built unless somebody records") {
  int built = 0;
  const auto attributes = [&] {
    ++built;
    return Attributes{};
  };
  const Tensor<float> x({1});
  record("op", attributes, {}, x);
  CHECK(built == 0);
  const Trace trace;
  record("op", attributes, {}, x);
  CHECK(built == 1);
}

TEST_CASE("the innermost trace records, and the outer one goes on after it") {
  const Tensor<float> x({1});
  Trace outer;
  (void)twice(x);
  {
    Trace inner;
    (void)twice(x);
    CHECK(inner.records().size() == 1);
    CHECK(Trace::current() == &inner);
  }
  (void)twice(x);
  CHECK(outer.records().size() == 2);
  CHECK(Trace::current() == &outer);
}

TEST_CASE("a trace is of its own thread") {
  Trace trace;
  std::thread([] { (void)twice(Tensor<float>({1})); }).join();
  CHECK(trace.records().empty());
}
