// The reference dropout. Layer cpu.
#pragma once

#include <fovea/cpu/dropout/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void dropout_reference(const DropoutArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const std::uint32_t threshold = a.threshold();
  const double scale = static_cast<double>(a.scale());
  PhiloxBlock words{};  // four draws
  for (std::int64_t i = begin; i < end; ++i) {
    if (i == begin || i % 4 == 0) words = a.random.block(static_cast<std::uint64_t>(i / 4));
    const bool keep = words[static_cast<std::size_t>(i % 4)] >> 8 >= threshold;
    for (std::int64_t j = i * a.block; j < (i + 1) * a.block; ++j)
      a.y[j] = keep ? static_cast<T>(static_cast<double>(a.x[j]) * scale) : T(0);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
