// Timing of memory-bound kernels against a copy: what shares of copy bandwidth refer to.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fovea/core/parallel_for.h>
#include <fovea/core/tensor.h>

namespace fovea::bench {

template <class F>
double seconds_of(F&& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A copy of 64 MiB, larger than the caches, on all threads.
class Copy {
 public:
  double bytes() const { return 2.0 * sizeof(float) * static_cast<double>(from_.numel()); }  // read and written
  void operator()() {
    const float* p = from_.data();
    float* q = to_.mutable_data();
    parallel_for(from_.numel(), 1 << 16, [=](std::int64_t begin, std::int64_t end) {
      std::memcpy(q + begin, p + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
    });
  }

 private:
  Tensor<float> from_ = Tensor<float>(Shape{1 << 24}, 1.f), to_ = Tensor<float>(Shape{1 << 24}, 2.f);
};

// The shortest times of `run` and of the copy, taken in turns, so that a busy machine slows both.
struct Turns {
  double run = 1e30, copy = 1e30;  // seconds
};
template <class F>
Turns take_turns(F&& run, Copy& copy, int turns = 25) {
  Turns best;
  for (int i = 0; i < turns; ++i) {
    best.copy = std::min(best.copy, seconds_of(copy));
    best.run = std::min(best.run, seconds_of(run));
  }
  return best;
}

}  // namespace fovea::bench
