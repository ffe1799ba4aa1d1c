// The reference sort. Layer cpu.
#pragma once

#include <algorithm>
#include <vector>

#include <fovea/cpu/sort/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Equal elements keep their order; a NaN counts as the largest.
template <class T>
void sort_reference(const SortArgs<T>& a, std::int64_t begin, std::int64_t end) {
  using A = acc_t<T>;
  std::vector<std::int64_t> order(static_cast<std::size_t>(a.length));
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t outer = line / a.inner, inner = line % a.inner;
    const T* x = a.x + outer * a.length * a.inner + inner;
    const auto less = [](A u, A v) { return u < v || (u == u && v != v); };
    const auto before = [&](std::int64_t p, std::int64_t q) {
      const A u = static_cast<A>(x[p * a.inner]), v = static_cast<A>(x[q * a.inner]);
      if (less(u, v)) return !a.descending;
      return less(v, u) ? a.descending : p < q;
    };
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    std::partial_sort(order.begin(), order.begin() + a.k, order.end(), before);
    for (std::int64_t i = 0; i < a.k; ++i) {
      const std::int64_t to = (outer * a.k + i) * a.inner + inner, from = order[static_cast<std::size_t>(i)];
      a.values[to] = x[from * a.inner];
      a.index[to] = from;
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
