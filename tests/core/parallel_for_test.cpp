#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <support/catch.h>
#include <support/sanitizer.h>

using namespace fovea;

namespace {
// Sets the thread count of a scope.
struct Threads {
  explicit Threads(int n) : before(thread_count()) { set_thread_count(n); }
  ~Threads() { set_thread_count(before); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int before;
};

// True if every index of [0, n) was visited once, in ranges of at least `grain` (or the whole).
bool covers(std::int64_t n, std::int64_t grain) {
  std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
  std::atomic<bool> sizes{true};
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    if (end - begin < std::min(n, grain)) sizes = false;
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  return sizes && std::all_of(visits.begin(), visits.end(), [](const auto& v) { return v == 1; });
}
std::int64_t parallel_sum(std::int64_t n) {
  std::atomic<std::int64_t> sum{0};
  parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sum += i;
  });
  return sum;
}

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// The wait status of a child process that runs `f` and then ends with its value; killed by SIGALRM if it hangs.
[[maybe_unused]] int child_status(const std::function<int()>& f, void (*end)(int) = _exit) {
  std::fflush(nullptr);  // or a child that calls exit() prints the parent's buffers again
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    int code = 99;
    try {
      code = f();
    } catch (...) {}
    end(code);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
}  // namespace

TEST_CASE("parallel_for covers every index once, in ranges of at least the grain") {
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    for (const std::int64_t n : {0, 1, 2, 3, 7, 8, 63, 64, 65, 1000, 100003})
      for (const std::int64_t grain : {1, 2, 3, 64, 1000, 1 << 20}) {
        INFO(threads << " threads, n " << n << ", grain " << grain);
        CHECK(covers(n, grain));
      }
  }
}

TEST_CASE("parallel_for refuses negative counts and a grain below one") {
  const auto body = [](std::int64_t, std::int64_t) {};
  CHECK_THROWS_WITH(parallel_for(-1, 1, body), "parallel_for: -1 items");
  CHECK_THROWS_WITH(parallel_for(1, 0, body), "parallel_for: grain 0, at least 1 is wanted");
}

TEST_CASE("an empty loop calls no body, and a short one calls it once in the caller") {
  const Threads scope(7);
  parallel_for(0, 1, [](std::int64_t, std::int64_t) { FAIL("called"); });
  int calls = 0;
  parallel_for(10, 11, [&](std::int64_t begin, std::int64_t end) {
    ++calls;
    CHECK(begin == 0);
    CHECK(end == 10);
  });
  CHECK(calls == 1);
}

TEST_CASE("a loop runs on as many threads as were asked for, the caller among them") {
  for (const int threads : {2, 7}) {
    const Threads scope(threads);
    std::vector<std::thread::id> ids(static_cast<std::size_t>(threads));
    std::atomic<int> arrived{0};
    // Every thread takes one range and holds it until all have one: this ends only if all of them come.
    parallel_for(threads, 1, [&](std::int64_t begin, std::int64_t) {
      ids[static_cast<std::size_t>(begin)] = std::this_thread::get_id();
      ++arrived;
      while (arrived < threads) std::this_thread::yield();
    });
    CHECK(std::set(ids.begin(), ids.end()).size() == static_cast<std::size_t>(threads));
    CHECK(std::count(ids.begin(), ids.end(), std::this_thread::get_id()) == 1);
  }
}

TEST_CASE("workers persist from call to call") {
  const Threads scope(2);
  std::set<std::thread::id> ids;
  for (int call = 0; call < 20; ++call) {
    std::thread::id id[2];
    std::atomic<int> arrived{0};
    parallel_for(2, 1, [&](std::int64_t begin, std::int64_t) {
      id[begin] = std::this_thread::get_id();
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    ids.insert(id, id + 2);
  }
  CHECK(ids.size() == 2);
}

TEST_CASE("sleeping workers are woken") {
  const Threads scope(2);
  for (int call = 0; call < 5; ++call) {
    sleep_ms(2);
    std::atomic<int> arrived{0};
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    CHECK(arrived == 2);
  }
}

TEST_CASE("a nested call runs inline, on any thread") {
  const Threads scope(7);
  std::atomic<int> wrong{0};
  std::atomic<std::int64_t> sum{0};
  parallel_for(56, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::thread::id outer = std::this_thread::get_id();
      int calls = 0;
      parallel_for(1000, 1, [&](std::int64_t b, std::int64_t e) {
        if (std::this_thread::get_id() != outer || b != 0 || e != 1000) ++wrong;
        ++calls;
        sum += e - b;
      });
      if (calls != 1) ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(sum == 56 * 1000);
}

TEST_CASE("a thread that asked for it runs its loops inline until the scope ends") {
  const Threads scope(7);
  const auto ranges = [] {
    std::atomic<int> calls{0};
    parallel_for(1000, 1, [&](std::int64_t, std::int64_t) { ++calls; });
    return calls.load();
  };
  {
    const InlineParallelFor outer;
    CHECK(ranges() == 1);
    { const InlineParallelFor inner; }
    CHECK(ranges() == 1);
  }
  CHECK(ranges() > 1);
}

TEST_CASE("a loop inside a loop of a single range is shared out") {
  const Threads scope(2);
  std::atomic<int> arrived{0};
  parallel_for(1, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
  });
  CHECK(arrived == 2);
}

TEST_CASE("an exception reaches the caller, the rest is dropped, and the pool stays usable") {
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    for (int round = 0; round < 50; ++round) {
      std::string message;
      try {
        parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t end) {
          if (begin <= 500 && 500 < end) throw std::runtime_error("at 500");
        });
      } catch (const std::runtime_error& e) {
        message = e.what();
      }
      CHECK(message == "at 500");
      CHECK(parallel_sum(1000) == 499500);
    }
  }
}

TEST_CASE("every body may throw, and one exception arrives") {
  const Threads scope(7);
  for (int round = 0; round < 50; ++round)
    CHECK_THROWS_AS(parallel_for(1000, 1, [](std::int64_t b, std::int64_t) { fail("range ", b); }), Error);
  CHECK(parallel_sum(100) == 4950);
}

TEST_CASE("an exception of a nested call passes through both loops") {
  const Threads scope(2);
  CHECK_THROWS_WITH(parallel_for(16, 1,
                                 [](std::int64_t, std::int64_t) {
                                   parallel_for(16, 1, [](std::int64_t, std::int64_t) { fail("inner"); });
                                 }),
                    "inner");
  CHECK(parallel_sum(100) == 4950);
}

TEST_CASE("a huge loop ends at its first exception") {
  const Threads scope(7);
  const std::int64_t n = std::int64_t{1} << 40;
  std::atomic<int> ranges{0};
  CHECK_THROWS_AS(parallel_for(n, 1,
                               [&](std::int64_t, std::int64_t) {
                                 ++ranges;
                                 throw std::runtime_error("enough");
                               }),
                  std::runtime_error);
  CHECK(ranges <= 7);  // each thread had begun one at most

  // The same without work in the body: the ranges cover 2^40 and 2^63 - 1 items, too.
  for (const std::int64_t items : {n, INT64_MAX}) {
    std::atomic<std::int64_t> sum{0};
    parallel_for(items, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
    CHECK(sum == items);
  }
}

TEST_CASE("callers on several threads get their own results") {
  for (const int threads : {2, 7}) {
    const Threads scope(threads);
    std::vector<std::thread> callers;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t)
      callers.emplace_back([&, t] {
        for (int call = 0; call < 200; ++call) {
          if (parallel_sum(100 + t) != (100 + t) * (99 + t) / 2) ++wrong;
          if (call % 10 != 0) continue;
          try {
            parallel_for(100, 1, [&](std::int64_t b, std::int64_t) { fail(t, " ", b); });
            ++wrong;
          } catch (const Error& e) {
            if (std::string(e.what()).rfind(std::to_string(t) + " ", 0) != 0) ++wrong;  // another caller's
          }
        }
      });
    for (std::thread& t : callers) t.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("the thread count may change at any time") {
  const Threads scope(2);
  for (const int threads : {1, 7, 2, 3, 1, 16, 2}) {
    set_thread_count(threads);
    CHECK(thread_count() == threads);
    CHECK(parallel_sum(1000) == 499500);
  }
  std::atomic<int> changed{0};
  parallel_for(16, 1, [&](std::int64_t begin, std::int64_t) {
    set_thread_count(begin % 2 == 0 ? 2 : 3);  // takes effect at the next outermost call
    changed += static_cast<int>(parallel_sum(10) == 45);
  });
  CHECK(changed == 16);
  CHECK(parallel_sum(1000) == 499500);
  CHECK_THROWS_WITH(set_thread_count(-1), "set_thread_count is \"-1\", wanted is a number of threads from 1 to 1024");
  CHECK_THROWS_AS(set_thread_count(1025), Error);
}

TEST_CASE("bodies compute under the caller's rounding mode") {
  const Threads scope(2);
  volatile double one = 1, three = 3;
  double quotient[2][2] = {};
  for (const int mode : {FE_UPWARD, FE_DOWNWARD}) {
    std::fesetround(mode);
    std::atomic<int> arrived{0};
    parallel_for(2, 1, [&](std::int64_t begin, std::int64_t) {
      quotient[mode == FE_UPWARD][begin] = one / three;
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
  }
  std::fesetround(FE_TONEAREST);
  CHECK(quotient[0][0] == quotient[0][1]);
  CHECK(quotient[1][0] == quotient[1][1]);
  CHECK(quotient[0][0] < quotient[1][0]);
}

#if !defined(__SANITIZE_THREAD__)  // ThreadSanitizer does not follow threads started after a fork
TEST_CASE("a forked child makes a pool of its own, and the parent keeps its") {
  const Threads scope(3);
  CHECK(parallel_sum(1000) == 499500);
  CHECK(child_status([] {
          std::atomic<int> arrived{0};
          parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
            ++arrived;
            while (arrived < 3) std::this_thread::yield();
          });
          return arrived == 3 && parallel_sum(1000) == 499500 ? 7 : 1;
        }) == 7);
  CHECK(child_status([] { return child_status([] { return parallel_sum(1000) == 499500 ? 7 : 1; }); }) == 7);
  CHECK(parallel_sum(1000) == 499500);
}

TEST_CASE("a child forked while another thread's loop runs may call parallel_for") {
  const Threads scope(2);
  std::atomic<bool> running{false}, stop{false};
  std::thread other([&] {
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      running = true;
      while (!stop) std::this_thread::yield();
    });
  });
  while (!running) std::this_thread::yield();
  CHECK(child_status([] { return parallel_sum(1000) == 499500 ? 7 : 1; }) == 7);
  stop = true;
  other.join();
}

TEST_CASE("a child forked inside a body may call parallel_for") {
  const Threads scope(2);
  std::atomic<int> good{0};
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    good += static_cast<int>(child_status([] { return parallel_sum(1000) == 499500 ? 7 : 1; }) == 7);
  });
  CHECK(good == 4);
}

TEST_CASE("a process with a pool ends by exit") {
  const Threads scope(4);
  CHECK(child_status([] { return parallel_sum(1000) == 499500 ? 7 : 1; }, std::_Exit) == 7);
  CHECK(child_status([] { return parallel_sum(1000) == 499500 ? 7 : 1; }, std::exit) == 7);
}

TEST_CASE("exit may be called from inside a body") {
  const Threads scope(2);
  CHECK(child_status([] {
          parallel_for(16, 1, [](std::int64_t begin, std::int64_t) {
            if (begin == 0) std::exit(7);
            sleep_ms(1);
          });
          sleep_ms(10000);
          return 1;
        }) == 7);
}

TEST_CASE("a destructor that runs at exit may call parallel_for") {
  const Threads scope(4);
  const auto child = [](bool pool_first) {
    return child_status(
        [&] {
          if (pool_first) parallel_sum(1000);
          struct AtExit {
            ~AtExit() { _exit(parallel_sum(1000) == 499500 ? 7 : 1); }
          };
          static AtExit at_exit;
          if (!pool_first) parallel_sum(1000);
          return 2;
        },
        std::exit);
  };
  CHECK(child(true) == 7);
  CHECK(child(false) == 7);
}

TEST_CASE("the affinity mask bounds the default thread count") {
  CHECK(child_status([] {
          unsetenv("FOVEA_THREADS");
          cpu_set_t mask;
          CPU_ZERO(&mask);
          sched_getaffinity(0, sizeof mask, &mask);
          int first = 0;
          while (!CPU_ISSET(first, &mask)) ++first;
          CPU_ZERO(&mask);
          CPU_SET(first, &mask);
          if (sched_setaffinity(0, sizeof mask, &mask) != 0) return 2;
          set_thread_count(0);
          return thread_count() == 1 && parallel_sum(1000) == 499500 ? 7 : 1;
        }) == 7);
}

TEST_CASE("FOVEA_THREADS sets the default, and a wrong value is an error") {
  const auto with = [](const char* value, int want) {
    return child_status([&] {
      setenv("FOVEA_THREADS", value, 1);
      set_thread_count(0);
      return thread_count() == want ? 7 : 1;
    });
  };
  CHECK(with("5", 5) == 7);
  CHECK(with("1024", 1024) == 7);
  CHECK(with("", std::min(detail::available_cpus(), kMaxThreads)) == 7);
  for (const char* wrong : {"0", "-1", "1025", "two", "2x", "1.5", "99999999999999999999"})
    CHECK(child_status([&] {
            setenv("FOVEA_THREADS", wrong, 1);
            detail::wanted_threads = 0;  // as in a process that has not asked yet
            try {
              parallel_sum(10);
            } catch (const Error& e) {
              const std::string want =
                  std::string("FOVEA_THREADS is \"") + wrong + "\", wanted is a number of threads from 1 to 1024";
              return e.what() == want && e.code() == Code::invalid_argument ? 7 : 2;
            }
            return 1;
          }) == 7);
}
#endif
