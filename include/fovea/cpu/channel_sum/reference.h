// The reference kernel of channel sums: plain loops, any type. Layer cpu.
#pragma once

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/channel_sum/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Sums in acc_t<T>: double for floating types.
template <class T>
void channel_sum_reference(const ChannelSumArgs<T>& a) {
  parallel_for(a.channels, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      acc_t<T> sum = 0;
      for (std::int64_t p = 0; p < a.pixels; ++p) sum += static_cast<acc_t<T>>(a.x[p * a.channels + c]);
      a.sum[c] = static_cast<master_t<T>>(sum);
    }
  });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
