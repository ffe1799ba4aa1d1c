// The reference concatenation. Layer cpu.
#pragma once

#include <algorithm>

#include <fovea/cpu/concat/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void concat_reference(const ConcatArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    T* y = a.y + i * a.block;
    for (const ConcatInput<T>& input : a.inputs) y = std::copy_n(input.x + i * input.block, input.block, y);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
