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
#include <utility>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/core/tensor.h>
#if defined(__SSE2__)
#  include <emmintrin.h>
#endif

namespace fovea::inline FOVEA_ABI::detail {

inline constexpr std::int64_t kUpdateBlock = 16;       // elements
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

// f(x[i]...) for each element of arrays that do not overlap.
template <class F, class... P>
void update_range(std::int64_t n, F f, P* __restrict... x) {
  std::int64_t i = 0;
  for (; i + kUpdateBlock <= n; i += kUpdateBlock)
    for (std::int64_t j = i; j < i + kUpdateBlock; ++j) f(x[j]...);
  for (; i < n; ++i) f(x[i]...);
}

// after(p, g, sqrt(before(p, g, state...)), state...) for each element.
template <class T, class Before, class After, class... S>
void update_range_with_root(std::int64_t n, Before before, After after, T* __restrict p, const T* __restrict g,
                            S* __restrict... state) {
  std::int64_t i = 0;
  T root[kUpdateBlock];
  for (; i + kUpdateBlock <= n; i += kUpdateBlock) {
    for (std::int64_t j = 0; j < kUpdateBlock; ++j) root[j] = before(p[i + j], g[i + j], state[i + j]...);
    block_roots(root);
    for (std::int64_t j = 0; j < kUpdateBlock; ++j) after(p[i + j], g[i + j], root[j], state[i + j]...);
  }
  for (; i < n; ++i) {
    const T r = std::sqrt(before(p[i], g[i], state[i]...));
    after(p[i], g[i], r, state[i]...);
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

// The sum of f(x[i]) in double. Each chunk adds in lanes, and chunks are added in order, so that the bits depend on n
// alone.
template <class T, class F>
double sum_elements(std::int64_t n, const T* x, F f) {
  constexpr std::int64_t kLanes = 8;
  std::vector<double> partial(static_cast<std::size_t>((n + kSumChunk - 1) / kSumChunk));
  parallel_for(static_cast<std::int64_t>(partial.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t last = std::min(n, (c + 1) * kSumChunk);
      std::array<double, kLanes> lane{};
      std::int64_t i = c * kSumChunk;
      for (; i + kLanes <= last; i += kLanes)
        for (std::int64_t j = 0; j < kLanes; ++j) lane[static_cast<std::size_t>(j)] += f(static_cast<double>(x[i + j]));
      double sum = 0;
      for (; i < last; ++i) sum += f(static_cast<double>(x[i]));
      for (const double s : lane) sum += s;
      partial[static_cast<std::size_t>(c)] = sum;
    }
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
