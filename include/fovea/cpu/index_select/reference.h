// The reference selection by index and its way back. Layer cpu.
#pragma once

#include <cstring>

#include <fovea/cpu/index_select/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void index_select_reference(const IndexSelectArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i)
    std::memcpy(a.y + i * a.inner, a.x + (i / a.count * a.length + a.index[i % a.count]) * a.inner,
                static_cast<std::size_t>(a.inner) * sizeof(T));
}

// Each element is summed by one thread, over its entries in order, and rounded once.
template <class T>
void index_add_reference(const IndexAddArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const T* dy = a.dy + i / a.length * a.count * a.inner;
    const std::int64_t *first = a.entry + a.first[i % a.length], *last = a.entry + a.first[i % a.length + 1];
    for (std::int64_t c = 0; c < a.inner; ++c) {
      acc_t<T> sum = 0;
      for (const std::int64_t* e = first; e < last; ++e) sum += static_cast<acc_t<T>>(dy[*e * a.inner + c]);
      a.dx[i * a.inner + c] = static_cast<T>(sum);
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
