// parallel_for: a loop whose iterations are shared by a small persistent pool of threads. Layer core.
//
//   parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) { for (auto r = begin; r < end; ++r) ...; });
//
// Determinism: how [0, n) is cut depends on the thread count and on which thread comes first, so a body may only write
// outputs that belong to its own indices. Then the bits are the same with any number of threads. A sum over iterations
// is cut by the shape alone, each part into its own place, and the parts are added in index order after the loop.
//
// The pool is never destroyed: its sleeping workers end with the process, so exit() and static destructors (which may
// call parallel_for) have nothing to wait for. Code that holds it must not be unloaded with dlclose.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <fovea/core/error.h>
#include <fovea/core/thread_count.h>

#if !defined(FOVEA_SINGLE_THREAD)
#  include <fovea/core/thread_pool.h>
#endif

namespace fovea::inline FOVEA_ABI {

#if defined(FOVEA_SINGLE_THREAD)
inline int thread_count() { return 1; }
// Checked as in builds with threads, and without effect.
inline void set_thread_count(int n) {
  if (n != 0) detail::checked_thread_count(n, "set_thread_count", std::to_string(n));
}
#else
// Threads that a parallel_for uses, the caller included: what set_thread_count said, else FOVEA_THREADS (anything but a
// number from 1 to 1,024 is an error), else the CPUs of the affinity mask, limited by the cgroup's quota rounded up.
inline int thread_count() {
  const int n = detail::wanted_threads.load(std::memory_order_relaxed);
  if (n > 0) return n;
  const int found = detail::default_thread_count();
  int unset = 0;
  return detail::wanted_threads.compare_exchange_strong(unset, found) ? found : unset;
}
// Takes effect at the next outermost parallel_for. May exceed the cores; 0 finds the default anew.
inline void set_thread_count(int n) {
  detail::wanted_threads.store(n == 0 ? detail::default_thread_count()
                                      : detail::checked_thread_count(n, "set_thread_count", std::to_string(n)));
}
#endif

// Calls body(begin, end) for ranges that cover [0, n) once, each of at least `grain` (>= 1) items (n < grain: one
// range; n == 0: no call), on several threads at a time, the caller among them; returns when all are done.
//  - A call from inside a body runs inline: one range, same thread. A loop of a single range occupies no pool, so calls
//    from inside it are shared out.
//  - The first exception of a body reaches the caller; ranges that no thread has begun by then are dropped.
//  - Callers on several threads: one has the pool, the others run inline.
//  - Bodies compute under the caller's floating-point environment (rounding mode, flushing of subnormals).
//  - After fork() the child makes a pool of its own (a child made inside a body must not return from that body).
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& body) {
  if (n < 0) fail("parallel_for: ", n, " items");
  if (grain < 1) fail("parallel_for: grain ", grain, ", at least 1 is wanted");
  if (n == 0) return;
#if !defined(FOVEA_SINGLE_THREAD)
  if (n / grain > 1 && !detail::inside_parallel_for) {
    const int threads = thread_count();
    auto* object = const_cast<void*>(static_cast<const void*>(std::addressof(body)));
    if (threads > 1 &&
        detail::run_on_pool(threads, n, grain, object, [](void* f, std::int64_t begin, std::int64_t end) {
          (*static_cast<std::remove_reference_t<F>*>(f))(begin, end);
        }))
      return;
  }
#endif
  body(std::int64_t{0}, n);
}

// While it lives, calls of this thread run inline: for threads of one's own that work side by side already, and would
// only take the pool from the one whose loops are long.
class InlineParallelFor {
 public:
#if defined(FOVEA_SINGLE_THREAD)
  InlineParallelFor() {}
  ~InlineParallelFor() {}
#else
  InlineParallelFor() : before_(std::exchange(detail::inside_parallel_for, true)) {}
  ~InlineParallelFor() { detail::inside_parallel_for = before_; }
#endif
  InlineParallelFor(const InlineParallelFor&) = delete;
  InlineParallelFor& operator=(const InlineParallelFor&) = delete;

#if !defined(FOVEA_SINGLE_THREAD)
 private:
  bool before_;
#endif
};

}  // namespace fovea::inline FOVEA_ABI
