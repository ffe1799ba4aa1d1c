// Loader and Prefetch: which samples a batch has, in what order, and what happens at the ends.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include <fovea/core/parallel_for.h>
#include <fovea/data/loader.h>
#include <support/catch.h>
#include <support/support.h>

namespace fovea {
namespace {
using test::seed;

// Sample i is the number i; sample `broken` cannot be read.
struct Numbers {
  std::int64_t count = 0, broken = -1;
  std::int64_t size() const { return count; }
  Batch batch(std::span<const std::int64_t> samples, std::uint64_t of_seed, std::uint64_t epoch) const {
    const auto n = static_cast<std::int64_t>(samples.size());
    Batch b{Tensor<float>({n, 1, 1, 2}), Tensor<std::int64_t>({n})};
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t sample = samples[static_cast<std::size_t>(i)];
      if (sample == broken) fail("sample ", sample, " is broken");
      b.labels.mutable_data()[i] = sample;
      b.images.mutable_data()[2 * i] = static_cast<float>(of_seed);
      b.images.mutable_data()[2 * i + 1] = static_cast<float>(epoch);
    }
    return b;
  }
};

using Labels = std::vector<std::vector<std::int64_t>>;  // batch by batch

Labels labels_of(const Loader& loader, std::uint64_t epoch) {
  Labels all;
  for (Loader::Batches batches = loader.epoch(epoch); const std::optional<Batch> batch = batches.next();) {
    const auto values = batch->labels.values();
    all.emplace_back(values.begin(), values.end());
    CHECK(batch->images.data()[1] == static_cast<float>(epoch));
  }
  return all;
}

std::vector<std::int64_t> joined(const Labels& batches) {
  std::vector<std::int64_t> all;
  for (const auto& b : batches) all.insert(all.end(), b.begin(), b.end());
  return all;
}

TEST_CASE("a loader gives the samples in order, the last batch with what is left") {
  const Numbers data{10};
  const Loader loader(data, {.batch_size = 4});
  CHECK(loader.batches() == 3);
  CHECK(labels_of(loader, 0) == Labels{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
  CHECK(labels_of(loader, 5) == Labels{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
  const Loader full(data, {.batch_size = 4, .drop_last = true});
  CHECK(full.batches() == 2);
  CHECK(labels_of(full, 0) == Labels{{0, 1, 2, 3}, {4, 5, 6, 7}});
  CHECK(labels_of(Loader(data, {.batch_size = 5, .drop_last = true}), 0) == Labels{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}});
  CHECK_THROWS_WITH(Loader(data, {.batch_size = 0}), Catch::Contains("batch_size 0"));
}

TEST_CASE("a shuffled epoch has every sample once, in the order of its seed and number") {
  const Numbers data{103};
  const Loader loader(data, {.batch_size = 8, .seed = seed(), .shuffle = true});
  const std::vector<std::int64_t> first = joined(labels_of(loader, 0));
  CHECK(first == shuffled(103, seed(), 0));
  CHECK(first == joined(labels_of(loader, 0)));
  CHECK(first != joined(labels_of(loader, 1)));
  CHECK(std::set<std::int64_t>(first.begin(), first.end()).size() == 103);
}

TEST_CASE("an empty set, and one smaller than a whole batch, end at once") {
  const Numbers none{0}, few{3};
  const Loader empty(none, {.batch_size = 4, .shuffle = true});
  CHECK(empty.batches() == 0);
  CHECK(labels_of(empty, 0).empty());
  CHECK(labels_of(Loader(few, {.batch_size = 4, .drop_last = true}), 0).empty());
  CHECK(labels_of(Loader(few, {.batch_size = 4}), 0) == Labels{{0, 1, 2}});
}

TEST_CASE("after the last batch there is nothing, as often as one asks") {
  const Numbers data{2};
  const Loader loader(data, {.batch_size = 2});
  Loader::Batches batches = loader.epoch(0);
  CHECK(batches.count() == 1);
  CHECK(batches.next());
  CHECK_FALSE(batches.next());
  CHECK_FALSE(batches.next());
}

TEST_CASE("an error of the data set is thrown where its batch is asked for, after those before it") {
  const Numbers data{.count = 40, .broken = 21};
  const Loader loader(data, {.batch_size = 4});
  Loader::Batches batches = loader.epoch(0);
  for (int i = 0; i < 5; ++i) REQUIRE(batches.next());
  CHECK_THROWS_WITH(batches.next(), "sample 21 is broken");
  CHECK_THROWS_WITH(batches.next(), "sample 21 is broken");  // and again, instead of waiting for ever
}

TEST_CASE("an exception that is no Error reaches the caller too") {
  Prefetch<int> results(3, [](std::int64_t i) -> int {
    if (i == 1) throw std::runtime_error("one");
    return static_cast<int>(i);
  });
  CHECK(results.next() == 0);
  CHECK_THROWS_WITH(results.next(), "one");
}

TEST_CASE("leaving before the end stops the second thread") {
  std::atomic<int> made{0};
  for (const int taken : {0, 1, 3}) {
    made = 0;
    {
      Prefetch<int> results(1'000'000'000, [&](std::int64_t i) { return ++made, static_cast<int>(i); });
      for (int i = 0; i < taken; ++i) CHECK(results.next() == i);
    }
    const int at_end = made;
    CHECK(at_end <= taken + 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(made == at_end);
  }
}

TEST_CASE("results are made at most two ahead of the caller, and that far without being asked") {
  std::atomic<int> made{0};
  Prefetch<int> results(100, [&](std::int64_t i) { return ++made, static_cast<int>(i); });
  for (int i = 0; i < 100; ++i) {
    const int ahead = std::min(i + 2, 100);
    while (made < ahead) std::this_thread::yield();  // hangs, and so fails by the watchdog, if they are not
    REQUIRE(made <= ahead);
    REQUIRE(results.next() == i);
  }
}

#if !defined(FOVEA_SINGLE_THREAD)
TEST_CASE("loops on the second thread run inline, so that the pool is the caller's") {
  const int before = thread_count();
  set_thread_count(4);
  Prefetch<bool> results(20, [](std::int64_t) {
    std::atomic<int> ranges{0};
    const auto worker = std::this_thread::get_id();
    std::atomic<bool> same{true};
    parallel_for(1000, 1, [&](std::int64_t, std::int64_t) {
      ++ranges;
      if (std::this_thread::get_id() != worker) same = false;
    });
    return same && ranges == 1;
  });
  while (const std::optional<bool> inline_ = results.next()) CHECK(*inline_);
  set_thread_count(before);
}
#endif

}  // namespace
}  // namespace fovea
