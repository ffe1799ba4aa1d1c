// The reference choice by a mask. Layer cpu.
#pragma once

#include <fovea/cpu/where/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void where_reference(const WhereArgs<T>& w, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const T* from = w.mask[i] ? w.a : w.b;
    w.y[i] = from ? from[i] : T(0);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
