// split: turns a kernel that works on a range into a kernel row that shares its range among threads. Layer cpu.
//
// Args has work(), the number of independent pieces of output, and grain(), the pieces that are worth a thread. A range
// function writes the pieces [begin, end) and nothing else, so the result has the same bits at any thread count.
// Bodies that cut their work themselves (cpu/conv2d) call parallel_for of their own and are not split.
#pragma once

#include <algorithm>
#include <cstdint>

#include <fovea/core/parallel_for.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Outputs of about this many cheap operations outweigh waking a thread.
inline constexpr std::int64_t kGrainOperations = 16384;

// How many pieces of `operations` each make a grain.
inline std::int64_t grain_of(std::int64_t operations) {
  return std::max<std::int64_t>(1, kGrainOperations / std::max<std::int64_t>(1, operations));
}

// A row's `run`: {"relu", Isa::avx2, accepts_all, split<avx2::relu>}, with void relu(const Args&, begin, end).
template <auto Range, class Args>
void split(const Args& a) {
  parallel_for(a.work(), a.grain(), [&](std::int64_t begin, std::int64_t end) { Range(a, begin, end); });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
