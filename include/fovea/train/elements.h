// The loops of the optimizers: updates element by element, and sums that have the same bits at any thread count. Layer
// train; read optimizer.h first.
//
// Updates are bound by memory, so they are plain loops: blocks of a constant length over restricted pointers, which
// compilers turn into vector code at -O2 on the baseline CPU. A square root would break that (its errno is a branch),
// so the updates that have one come in two halves, before and after it, and take the roots of a block at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/core/tensor.h>
#if defined(__SSE2__)
#  include <emmintrin.h>
#endif

namespace fovea::inline FOVEA_ABI::detail {

// Of elements. gcc -O3 unrolls a loop of 16 whole, before it looks for vectors, and finds none.
inline constexpr std::int64_t kUpdateBlock = 32;
inline constexpr std::int64_t kUpdateGrain = 1 << 14;  // elements a thread takes at least
inline constexpr std::int64_t kSumChunk = 1 << 14;     // elements of a partial sum

// x = sqrt(x) of a block.
template <class T>
void block_roots(T* x) {
  for (std::int64_t i = 0; i < kUpdateBlock; ++i) x[i] = std::sqrt(x[i]);
}
#if defined(__SSE2__)
inline void block_roots(float* x) {
  for (std::int64_t i = 0; i < kUpdateBlock; i += 4) _mm_storeu_ps(x + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
}
inline void block_roots(double* x) {
  for (std::int64_t i = 0; i < kUpdateBlock; i += 2) _mm_storeu_pd(x + i, _mm_sqrt_pd(_mm_loadu_pd(x + i)));
}
#endif

template <class T>
void put(T& to, T value) {
  to = value;
}
template <class T>
void put(const T&, T) {}

// f(x...) on copies, which x takes where it is not const.
template <class F, class... P>
auto change(const F& f, P&... x) {
  return [&](auto... v) {
    if constexpr (std::is_void_v<decltype(f(v...))>) {
      f(v...);
      (put(x, v), ...);
    } else {
      const auto result = f(v...);
      (put(x, v), ...);
      return result;
    }
  }(x...);
}

// f(x[i]...) for each element of arrays that do not overlap; those that are not const take what f leaves in its
// arguments. f works on copies: a store between two loads would keep gcc 12 from vectorizing a block.
template <class F, class... P>
[[gnu::noinline, gnu::flatten]] void update_range(std::int64_t n, F f, P* __restrict... x) {
  std::int64_t i = 0;
  for (; i + kUpdateBlock <= n; i += kUpdateBlock)
    for (std::int64_t j = 0; j < kUpdateBlock; ++j) change(f, x[i + j]...);
  for (; i < n; ++i) change(f, x[i]...);
}

// after(p, g, sqrt(before(p, g, state...)), state...) for each element: before may change the state, after that and
// p.
template <class T, class Before, class After, class... S>
[[gnu::noinline, gnu::flatten]] void update_range_with_root(std::int64_t n, Before before, After after, T* __restrict p,
                                                            const T* __restrict g, S* __restrict... state) {
  std::int64_t i = 0;
  T root[kUpdateBlock];
  for (; i + kUpdateBlock <= n; i += kUpdateBlock) {
    for (std::int64_t j = 0; j < kUpdateBlock; ++j)
      root[j] = change(before, std::as_const(p[i + j]), g[i + j], state[i + j]...);
    block_roots(root);
    for (std::int64_t j = 0; j < kUpdateBlock; ++j)
      change(after, p[i + j], g[i + j], std::as_const(root[j]), state[i + j]...);
  }
  for (; i < n; ++i) {
    const T r = std::sqrt(change(before, std::as_const(p[i]), g[i], state[i]...));
    change(after, p[i], g[i], r, state[i]...);
  }
}

// f(p, g, state...) for each of n elements of a parameter, its gradient and its state, on all threads.
template <class T, std::size_t States, class F>
void update_elements(std::int64_t n, T* p, const T* g, const std::array<T*, States>& state, F f) {
  parallel_for(n, kUpdateGrain, [&](std::int64_t begin, std::int64_t end) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      update_range(end - begin, f, p + begin, g + begin, (state[I] + begin)...);
    }
    (std::make_index_sequence<States>{});
  });
}
// The same in two halves.
template <class T, std::size_t States, class Before, class After>
void update_elements_with_root(std::int64_t n, T* p, const T* g, const std::array<T*, States>& state, Before before,
                               After after) {
  parallel_for(n, kUpdateGrain, [&](std::int64_t begin, std::int64_t end) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      update_range_with_root(end - begin, before, after, p + begin, g + begin, (state[I] + begin)...);
    }
    (std::make_index_sequence<States>{});
  });
}

// The sum of f(x[i]) in double, in a lane for each element of a block; the lanes are added in order.
template <class T, class F>
[[gnu::noinline, gnu::flatten]] double sum_range(std::int64_t n, F f, const T* x) {
  double lane[kUpdateBlock] = {};
  std::int64_t i = 0;
  for (; i + kUpdateBlock <= n; i += kUpdateBlock)
    for (std::int64_t j = 0; j < kUpdateBlock; ++j) lane[j] += f(static_cast<double>(x[i + j]));
  double sum = 0;
  for (; i < n; ++i) sum += f(static_cast<double>(x[i]));
  for (const double s : lane) sum += s;
  return sum;
}

// The same of many elements, on all threads: chunks are cut by n alone and added in order.
template <class T, class F>
double sum_elements(std::int64_t n, const T* x, F f) {
  std::vector<double> partial(static_cast<std::size_t>((n + kSumChunk - 1) / kSumChunk));
  parallel_for(static_cast<std::int64_t>(partial.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c)
      partial[static_cast<std::size_t>(c)] = sum_range(std::min(kSumChunk, n - c * kSumChunk), f, x + c * kSumChunk);
  });
  double sum = 0;
  for (const double s : partial) sum += s;
  return sum;
}

template <class T>
double norm_of(std::int64_t n, const T* x) {
  return std::sqrt(sum_elements(n, x, [](double v) { return v * v; }));
}

}  // namespace fovea::inline FOVEA_ABI::detail
