// The tape: what is recorded, kept, freed and refused. Ops here are made of tensors alone, so that only core is tested.
#include <thread>

#include <fovea/core/checkpoint.h>
#include <fovea/core/tape.h>
#include <support/catch.h>

using namespace fovea;

namespace {
// y = a * b, which keeps what its gradient reads.
Tensor<double> times(const Tensor<double>& a, const Tensor<double>& b) {
  Tensor<double> y(a.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) y.mutable_data()[i] = a.data()[i] * b.data()[i];
  const auto product = [](const Tensor<double>& p, const Tensor<double>& q) {
    Tensor<double> r(p.shape());
    for (std::int64_t i = 0; i < r.numel(); ++i) r.mutable_data()[i] = p.data()[i] * q.data()[i];
    return r;
  };
  return record(
      "times", [] { return Attributes{}; }, {a.id(), b.id()}, y,
      [product, ai = a.id(), bi = b.id(), a_kept = saved_if(wanted(b), a, "times: a"),
       b_kept = saved_if(wanted(a), b, "times: b")](Gradients& g, const Tensor<double>& dy) {
        if (g.wants(ai)) g.add(ai, product(dy, b_kept.get()));
        if (g.wants(bi)) g.add(bi, product(dy, a_kept.get()));
      });
}
Tensor<double> sum(const Tensor<double>& x) {
  Tensor<double> y({1});
  for (const double v : x.values()) y.mutable_data()[0] += v;
  return record(
      "sum", [] { return Attributes{}; }, {x.id()}, y,
      [id = x.id(), shape = x.shape()](Gradients& g, const Tensor<double>& dy) {
        g.add(id, Tensor<double>(shape, dy.item()));
      });
}
Tensor<double> numbers(std::initializer_list<double> v) {
  return Tensor<double>({static_cast<std::int64_t>(v.size())}, v);
}
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
using Catch::Contains;
}  // namespace

TEST_CASE("gradients of a product, with fan-out") {
  const Tensor<double> a = numbers({2, 3}), b = numbers({5, 7});
  Tape tape{a, b};
  const Gradients g = tape.backward(sum(times(times(a, b), a)));  // a^2 b
  CHECK(g.of(a).values()[0] == 2 * 2 * 5);
  CHECK(g.of(a).values()[1] == 2 * 3 * 7);
  CHECK(g.of(b).values()[0] == 4);
  CHECK(g.of(b).values()[1] == 9);
}

TEST_CASE("a value used twice by one op accumulates") {
  const Tensor<double> a = numbers({3});
  Tape tape{a};
  CHECK(tape.backward(sum(times(a, a))).of(a).item() == 6);
}

TEST_CASE("an op is recorded only if an input depends on a watched value") {
  const Tensor<double> a = numbers({2}), b = numbers({5});
  Tape tape{a};
  const Tensor<double> frozen = times(b, b), mixed = times(frozen, a);
  CHECK_FALSE(tape.wants(frozen.id()));
  CHECK(tape.wants(mixed.id()));
  const Gradients g = tape.backward(sum(mixed));
  CHECK(g.of(a).item() == 25);
  CHECK_THAT(message_of([&] { g.of(b); }), Contains("did not watch"));
}

TEST_CASE("a value can be watched when it appears, and keeps its gradient") {
  const Tensor<double> b = numbers({5});
  Tape tape;
  const Tensor<double> y = times(b, b);
  tape.watch(y);
  CHECK(tape.backward(sum(times(y, y))).of(y).item() == 50);

  const Tensor<double> a = numbers({2});
  Tape second{a};
  const Tensor<double> z = times(a, a);
  second.watch(z);
  const Gradients g = second.backward(sum(times(z, z)));
  CHECK(g.of(z).item() == 8);
  CHECK(g.of(a).item() == 32);
}

TEST_CASE("detach and NoTape cut, views and clones do not") {
  const Tensor<double> a = numbers({2, 3, 4});
  {
    Tape tape{a};
    const Tensor<double> y = times(a.detach(), a);
    CHECK(tape.backward(sum(y)).of(a).values()[1] == 3);
  }
  {
    Tape tape{a};
    const Tensor<double> paused = [&] {
      const NoTape pause;
      return times(a, a);
    }();
    CHECK_FALSE(tape.wants(paused.id()));
    CHECK(Tape::current() == &tape);
  }
  Tape tape{a};
  const Tensor<double> part = a.clone().view(1, 3).reshape({2, 1}).reshape({-1});
  const Gradients g = tape.backward(sum(times(part, part)));
  CHECK(g.of(a).values()[0] == 0);
  CHECK(g.of(a).values()[1] == 6);
  CHECK(g.of(a).values()[2] == 8);
}

TEST_CASE("a trace sees views with what was asked") {
  const Tensor<double> a({2, 3});
  Trace trace;
  (void)a.reshape({-1, 2});
  (void)a.view(1, 2);
  REQUIRE(trace.records().size() == 2);
  CHECK(std::get<std::vector<std::int64_t>>(trace.records()[0].attributes[0].second) ==
        std::vector<std::int64_t>{-1, 2});
  CHECK(std::get<std::vector<std::int64_t>>(trace.records()[1].attributes[0].second) ==
        std::vector<std::int64_t>{1, 2});
}

TEST_CASE("what the way back needs is freed as it goes") {
  const Tensor<double> a({1000}, 1.0);
  const std::int64_t before = live_bytes();
  {
    Tape tape{a};
    Tensor<double> y = times(a, a);
    for (int i = 0; i < 9; ++i) y = times(y, a);
    CHECK(live_bytes() - before == 10 * 8000);  // the outputs: each is an input of the next, the last is y
    const Gradients g = tape.backward(sum(y));
    y = {};
    CHECK(live_bytes() - before == 8000);  // one gradient
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("misuse of a tape is an error that says so") {
  const Tensor<double> a = numbers({2}), b = numbers({5, 7});
  {
    Tape tape{a};
    const Tensor<double> loss = sum(times(a, a));
    (void)tape.backward(loss);
    CHECK_THAT(message_of([&] { (void)tape.backward(loss); }),
               Contains("used already") && Contains("gradients of gradients"));
  }
  {
    Tape tape{a};
    CHECK_THAT(message_of([] { Tape second; }), Contains("this thread has one already"));
    CHECK_THAT(message_of([&] { (void)tape.backward(b); }), Contains("shape 2, one element"));
    CHECK_THAT(message_of([&] { (void)tape.backward(numbers({1})); }), Contains("depends on no watched value"));
    CHECK(Tape::current() == &tape);
  }
  CHECK_THAT(message_of([] { Tape tape{Tensor<std::int32_t>({2})}; }), Contains("int32 2"));
  CHECK_THAT(message_of([] { Tape tape{Tensor<float>()}; }), Contains("undefined"));
  CHECK(Tape::current() == nullptr);
}

TEST_CASE("gradients of gradients are refused by name") {
  const Tensor<double> a = numbers({2});
  Tape tape{a};
  const Tensor<double> y = record(
      "greedy", [] { return Attributes{}; }, {a.id()}, numbers({1}),
      [](Gradients&, const Tensor<double>&) { Tape inner; });
  CHECK_THAT(message_of([&] { (void)tape.backward(y); }), Contains("gradients of gradients"));
}

TEST_CASE("a kept tensor that changes in place is named") {
  Tensor<double> a = numbers({2}), b = numbers({5});
  b.storage().set_label("layer1.weight of net.safetensors");
  Tape tape{a};
  const Tensor<double> loss = sum(times(a, b));
  Tensor<double> same = b.reshape({1, 1});
  same.mutable_data()[0] = 6;  // through a view
  CHECK_THAT(message_of([&] { (void)tape.backward(loss); }),
             Contains("times: b") && Contains("layer1.weight of net.safetensors") && Contains("changed in place"));
}

TEST_CASE("a watched value that reaches no loss has a gradient of zeros") {
  const Tensor<double> a = numbers({2}), b = numbers({5, 7});
  Tape tape{a, b};
  const Gradients g = tape.backward(sum(times(a, a)));
  CHECK(g.of(b).shape() == Shape{2});
  CHECK(g.of(b).values()[1] == 0);
}

TEST_CASE("each thread has a tape of its own") {
  const Tensor<double> a = numbers({2}), b = numbers({5});
  Tape tape{a};
  double other = 0;
  std::thread([&] {
    Tape own{b};
    other = own.backward(sum(times(a, b))).of(b).item();
  }).join();
  CHECK(other == 2);
  CHECK(tape.backward(sum(times(a, b))).of(a).item() == 5);
}

TEST_CASE("an op without a gradient refuses a watched value") {
  const auto op = [](const Tensor<double>& x) {
    return record(
        "rank", [] { return Attributes{}; }, {x.id()}, x.detach());
  };
  const Tensor<double> a = numbers({2});
  Tape tape{a};
  CHECK_THAT(message_of([&] { op(a); }), Contains("rank: has no gradient"));
  CHECK(op(a.detach()).item() == 2);
}

TEST_CASE("checkpoint keeps its input only, and gives the same gradients") {
  const Tensor<double> a({1000}, 1.5), w({1000}, 0.5);
  const auto f = [&w](const Tensor<double>& x) { return times(times(times(x, w), x), w); };
  const std::int64_t before = live_bytes();
  std::vector<double> wanted_a, wanted_w;
  {
    Tape tape{a, w};
    const Gradients g = tape.backward(sum(f(a)));
    wanted_a.assign(g.of(a).values().begin(), g.of(a).values().end());
    wanted_w.assign(g.of(w).values().begin(), g.of(w).values().end());
  }
  Tape tape{a, w};
  const Tensor<double> y = checkpoint(f, a);
  CHECK(live_bytes() - before == 8000);
  const Gradients g = tape.backward(sum(y));
  CHECK(std::equal(wanted_a.begin(), wanted_a.end(), g.of(a).values().begin()));
  CHECK(std::equal(wanted_w.begin(), wanted_w.end(), g.of(w).values().begin()));
}

TEST_CASE("checkpoints nest") {
  const Tensor<double> a = numbers({1.5}), w = numbers({0.5});
  const auto f = [&w](const Tensor<double>& x) { return times(x, times(w, x)); };
  const auto g = [&f](const Tensor<double>& x) { return checkpoint(f, checkpoint(f, x)); };
  Tape tape{a, w};
  const Gradients found = tape.backward(sum(checkpoint(g, a)));  // w^3 a^4
  CHECK(found.of(a).item() == Approx(4 * 0.125 * 1.5 * 1.5 * 1.5));
  CHECK(found.of(w).item() == Approx(3 * 0.25 * 1.5 * 1.5 * 1.5 * 1.5));
}

TEST_CASE("a training scope draws by seed, step and call, and files statistics until commit") {
  const Tensor<float> buffer({2}, 1.f);
  Training::State state;
  std::uint32_t first = 0, second = 0;
  {
    Training scope(7, 3);
    state = scope.state();
    first = scope.next_stream().word(0);
    second = scope.next_stream().word(0);
    scope.file(buffer, {3.0, 5.0}, 0.5);
    CHECK(buffer.values()[0] == 1.f);
    scope.commit();
    scope.commit();
    CHECK(buffer.values()[0] == 2.f);
    CHECK(buffer.values()[1] == 3.f);
    CHECK_THAT(message_of([] { Training inner(1); }), Contains("already"));
    CHECK_THAT(message_of([] { Trace trace; }), Contains("Training scope"));
  }
  CHECK(first != second);
  Training replay(state);
  CHECK(replay.next_stream().word(0) == first);
  CHECK(replay.next_stream().word(0) == second);
  replay.file(buffer, {9.0, 9.0}, 1);
  replay.commit();
  CHECK(buffer.values()[0] == 2.f);
}
