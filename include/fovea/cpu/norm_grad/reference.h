// The reference of NormGradArgs: plain loops in double. Layer cpu.
#pragma once

#include <fovea/cpu/norm_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <class T>
void norm_grad_reference(const NormGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t p = begin; p < end; ++p)
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const std::int64_t i = p * a.channels + c;
      a.dx[i] = static_cast<T>(static_cast<double>(a.dy[i]) * static_cast<double>(a.scale[c]) +
                               (static_cast<double>(a.x[i]) - static_cast<double>(a.mean[c])) *
                                   static_cast<double>(a.slope[c]) +
                               static_cast<double>(a.shift[c]));
    }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
