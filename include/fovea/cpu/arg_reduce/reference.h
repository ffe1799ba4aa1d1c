// The reference search of extremes. Layer cpu.
#pragma once

#include <fovea/cpu/arg_reduce/args.h>
#include <fovea/cpu/reduce/reference.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void arg_reduce_reference(const ArgReduceArgs<T>& a, std::int64_t begin, std::int64_t end) {
  using A = acc_t<T>;
  for (std::int64_t o = begin; o < end; ++o) {
    std::int64_t best = a.kept.offset(o);
    A value = static_cast<A>(a.x[best]);
    const std::int64_t start = best;
    for_each_strided_run(a.reduced, 0, a.reduced.count(), [&](std::int64_t offset, std::int64_t n, std::int64_t step) {
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t at = start + offset + i * step;
        const A v = static_cast<A>(a.x[at]);
        const bool better = a.smallest ? v < value : v > value;
        if (better || (v != v && value == value)) best = at, value = v;
      }
    });
    a.index[o] = best;
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
