// The reference conversion: to the nearest, ties to even. Layer cpu.
#pragma once

#include <fovea/cpu/cast/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T, class U>
void cast_reference(const CastArgs<T, U>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) a.y[i] = static_cast<U>(a.x[i]);
}

}  // namespace fovea::inline FOVEA_ABI::cpu
