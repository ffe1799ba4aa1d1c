#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fovea/core/storage.h>
#include <support/catch.h>
#include <support/sanitizer.h>

using namespace fovea;

namespace {
bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % kAlignment == 0; }
}  // namespace

TEST_CASE("storage that we allocate is aligned to 64 bytes, even if empty") {
  for (const std::size_t bytes : {0, 1, 3, 64, 1000, 4097}) {
    const Storage s(bytes);
    CHECK(s.data() != nullptr);
    CHECK(aligned(s.data()));
    CHECK(s.bytes() == bytes);
    CHECK(s.device() == Device::cpu);
    std::memset(s.data(), 1, bytes);
  }
}

TEST_CASE("a large block is kept for the next storage of about its size, and given back when asked") {
  release_kept_memory();
  const std::byte* first = Storage(3 << 20).data();
  const Storage same(3 << 20), other(3 << 20);
  CHECK((same.data() == first) == detail::kKeepBlocks);
  CHECK(other.data() != same.data());
  CHECK(aligned(other.data()));
  const std::int64_t before = live_bytes();
  {
    const Storage large(5 << 20), small(10);
    CHECK(live_bytes() - before == (5 << 20) + 10);
  }
  CHECK(live_bytes() == before);
  release_kept_memory();
}

TEST_CASE("live and kept blocks together are at most 5/4 of the most that was live") {
  constexpr std::size_t kMega = std::size_t{1} << 20;
  detail::BlockCache cache;
  const auto take_and_give = [&](std::size_t bytes) {
    const auto block = cache.take(bytes);
    REQUIRE(block.bytes >= bytes);
    std::memset(block.data, 1, bytes);
    cache.give_back(block);
  };
  const auto kept = [](std::size_t mega) { return detail::kKeepBlocks ? mega * kMega : 0; };
  take_and_give(8 * kMega);
  CHECK(cache.kept() == kept(8));
  take_and_give(2 * kMega);  // too small for the block that is kept, and there is room beside it
  CHECK(cache.kept() == kept(10));
  take_and_give(3 * kMega);  // no room: the oldest goes
  CHECK(cache.kept() == kept(5));
  take_and_give(3 * kMega - 7);
  CHECK(cache.kept() == kept(5));
  CHECK(cache.take(SIZE_MAX).data == nullptr);
  cache.drop_all();
  CHECK(cache.kept() == 0);
}

TEST_CASE("aliased storage keeps its owner alive and copies nothing") {
  bool freed = false;
  std::byte bytes[16];
  {
    auto s = std::make_shared<Storage>(std::shared_ptr<std::byte>(bytes, [&](std::byte*) { freed = true; }), 16);
    CHECK(s->data() == bytes);
    CHECK(s->bytes() == 16);
    CHECK_FALSE(freed);
  }
  CHECK(freed);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these end the process at such a request
TEST_CASE("a request that memory cannot meet is an error that says how much") {
  try {
    allocate_aligned(std::size_t{1} << 60);
    FAIL("2^60 bytes were allocated");
  } catch (const Error& e) {
    CHECK(std::string(e.what()) == "tensor: no memory for 1152921504606846976 bytes");
    CHECK(e.code() == Code::out_of_memory);
  }
}
#endif

TEST_CASE("a packed copy is made once a row and variant, and again after a write") {
  Storage s(4);
  const int row_a = 0, row_b = 0;
  int made = 0;
  const auto packed = [&](const void* row, const Storage::Variant& variant) {
    return s.packed(row, variant, [&] {
      ++made;
      return std::shared_ptr<const std::byte>(allocate_aligned(1));
    });
  };
  const auto first = packed(&row_a, {0});
  CHECK(packed(&row_a, {0}) == first);
  CHECK(made == 1);
  CHECK(packed(&row_a, {1}) != first);
  CHECK(packed(&row_b, {0}) != first);
  CHECK(made == 3);
  CHECK(packed(&row_a, {0}) == first);
  s.bump_version();
  CHECK(s.version() == 1);
  CHECK(packed(&row_a, {0}) != first);
  CHECK(made == 4);
  CHECK(first.use_count() == 1);  // the old copies are gone, but for ours
}

TEST_CASE("a packing that fails leaves nothing behind") {
  Storage s(4);
  int row = 0;
  using Bytes = std::shared_ptr<const std::byte>;
  CHECK_THROWS_AS(s.packed(&row, {}, []() -> Bytes { throw std::runtime_error("no"); }), std::runtime_error);
  CHECK(s.packed(&row, {}, [] { return Bytes(allocate_aligned(1)); }) != nullptr);
}

TEST_CASE("threads that ask for the same packed copy get one copy") {
  Storage s(4);
  int row = 0;
  for (int round = 0; round < 20; ++round) {
    s.bump_version();
    std::atomic<int> made{0}, arrived{0};
    std::vector<std::shared_ptr<const std::byte>> got(4);
    std::vector<std::thread> threads;
    for (auto& mine : got)
      threads.emplace_back([&] {
        for (++arrived; arrived < 4;) std::this_thread::yield();
        mine = s.packed(&row, {}, [&] {
          ++made;
          return std::shared_ptr<const std::byte>(allocate_aligned(64));
        });
      });
    for (std::thread& t : threads) t.join();
    CHECK(made == 1);
    for (const auto& mine : got) CHECK(mine == got[0]);
  }
}

TEST_CASE("versions count every write, from any thread") {
  Storage s(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) s.bump_version();
    });
  for (std::thread& t : threads) t.join();
  CHECK(s.version() == 4000);
}
