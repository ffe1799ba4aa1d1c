// The pool behind parallel_for (read that first): workers that sleep, one job at a time, ranges taken from a shared
// counter, so that a thread whose core a neighbour has taken holds up nobody. Layer core; internal.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fovea/core/error.h>
#include <fovea/core/thread_count.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
inline constinit std::atomic<int> wanted_threads{0};  // 0: not asked for yet
// True on workers, and on a caller while it works on its own job.
inline constinit thread_local bool inside_parallel_for = false;

inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as ready() is; false after 30 us, about the price of sleeping and being woken.
template <class Ready>
bool spin_until(Ready&& ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(30);
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      cpu_relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

using RangeBody = void (*)(void* object, std::int64_t begin, std::int64_t end);

class Pool {
 public:
  // Runs the job on `threads` threads, the caller included. False, with nothing done, if another caller has the pool.
  bool run(int threads, std::int64_t n, std::int64_t grain, void* object, RangeBody body) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    const Release release{*this};
    resize(threads);
    // 8 ranges a thread even out what neighbours and slow cores take, at well under 1 us of counting each.
    job_ = {n, std::min<std::int64_t>(n / grain, std::int64_t{8} * threads), object, body, {}};
    std::fegetenv(&job_.environment);
    error_ = nullptr;
    failed_.store(false, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    gate_.store(0, std::memory_order_release);
    call_.fetch_add(1, std::memory_order_release);
    call_.notify_all();
    inside_parallel_for = true;
    work();
    inside_parallel_for = false;
    close();
#if defined(__cpp_exceptions)
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
#endif
    return true;
  }

  Pool* before_fork = nullptr;  // keeps the pool of the parent process reachable: its memory cannot be freed

 private:
  struct Job {
    std::int64_t n = 0, ranges = 0;
    void* object = nullptr;
    RangeBody body = nullptr;
    std::fenv_t environment{};
  };
  struct Release {
    Pool& pool;
    ~Release() { pool.busy_.clear(std::memory_order_release); }
  };
  static constexpr std::uint32_t kClosed = std::uint32_t{1} << 31;

  // Range i of the job: sizes differ by at most one, so none is below the grain.
  void run_range(std::int64_t i) const {
    const std::int64_t size = job_.n / job_.ranges, longer = job_.n % job_.ranges;
    const std::int64_t begin = i * size + std::min(i, longer);
    job_.body(job_.object, begin, begin + size + (i < longer ? 1 : 0));
  }

  void work() {
    std::int64_t i = 0;
    while ((i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.ranges) {
#if defined(__cpp_exceptions)
      try {
        run_range(i);
      } catch (...) {
        if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
        next_.store(job_.ranges, std::memory_order_relaxed);
      }
#else
      run_range(i);
#endif
    }
  }

  // The gate counts the workers inside the job; once closed nobody enters, and a worker that wakes too late does not
  // touch the job. So a short job never waits for sleepers.
  bool enter() {
    std::uint32_t g = gate_.load(std::memory_order_relaxed);
    while (!(g & kClosed))
      if (gate_.compare_exchange_weak(g, g + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    return false;
  }
  void leave() {
    if (gate_.fetch_sub(1, std::memory_order_acq_rel) == (kClosed | 1u)) gate_.notify_one();
  }
  void close() {
    gate_.fetch_or(kClosed, std::memory_order_acq_rel);
    const auto empty = [&] { return gate_.load(std::memory_order_acquire) == kClosed; };
    if (spins_ && spin_until(empty)) return;
    for (std::uint32_t g = 0; (g = gate_.load(std::memory_order_acquire)) != kClosed;)
      gate_.wait(g, std::memory_order_acquire);
  }

  void worker(std::uint32_t seen) {
    inside_parallel_for = true;
    for (;;) {
      const auto called = [&] { return call_.load(std::memory_order_acquire) != seen; };
      if (!spins_ || !spin_until(called)) call_.wait(seen, std::memory_order_acquire);
      seen = call_.load(std::memory_order_acquire);
      if (quit_.load(std::memory_order_relaxed)) return;
      if (!enter()) continue;
      std::fesetenv(&job_.environment);
      work();
      leave();
    }
  }

  // Ends the old workers and starts `threads` - 1 new ones; where the system refuses one, fewer have to do.
  void resize(int threads) {
    if (threads == threads_) return;
    quit_.store(true, std::memory_order_relaxed);
    call_.fetch_add(1, std::memory_order_release);
    call_.notify_all();
    for (std::thread& t : workers_) t.join();
    workers_.clear();
    quit_.store(false, std::memory_order_relaxed);
    spins_ = threads <= available_cpus();  // with more threads than cores a spinning one keeps a working one waiting
    threads_ = threads;
    workers_.reserve(static_cast<std::size_t>(threads - 1));
    const std::uint32_t seen = call_.load(std::memory_order_relaxed);
#if defined(__cpp_exceptions)
    try {
      while (static_cast<int>(workers_.size()) < threads - 1) workers_.emplace_back(&Pool::worker, this, seen);
    } catch (const std::system_error&) {}
#else
    while (static_cast<int>(workers_.size()) < threads - 1) workers_.emplace_back(&Pool::worker, this, seen);
#endif
  }

  std::atomic_flag busy_;  // held by the caller whose job runs
  int threads_ = 1;
  bool spins_ = false;
  std::vector<std::thread> workers_;
  Job job_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false}, quit_{false};
  alignas(64) std::atomic<std::uint32_t> call_{0};  // moves on with every job
  alignas(64) std::atomic<std::uint32_t> gate_{kClosed};
  alignas(64) std::atomic<std::int64_t> next_{0};  // the range to take
};

inline constinit std::atomic<Pool*> the_pool{nullptr};
inline constinit Pool* forked_pools = nullptr;
inline constinit std::atomic<bool> fork_handled{false};

// In a child after fork: the workers are gone, and the pool's state is that of some moment in the parent.
inline void forget_pool() {
  Pool* parent = the_pool.exchange(nullptr);
  if (!parent) return;
  parent->before_fork = forked_pools;
  forked_pools = parent;
}

inline Pool& pool() {
  if (Pool* p = the_pool.load(std::memory_order_acquire)) return *p;
  if (!fork_handled.exchange(true)) pthread_atfork(nullptr, nullptr, forget_pool);
  auto* made = new Pool;
  Pool* other = nullptr;
  if (the_pool.compare_exchange_strong(other, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *other;
}

inline bool run_on_pool(int threads, std::int64_t n, std::int64_t grain, void* object, RangeBody body) {
  return pool().run(threads, n, grain, object, body);
}
}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
