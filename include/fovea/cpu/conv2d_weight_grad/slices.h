// How the sums of a weight gradient are cut: pixels into slices, so that a filter bank of few weights still makes many
// tasks and no chain of fp32 additions gets long; the slices are added in index order. Layer cpu; used by body.inc.
#pragma once

#include <algorithm>
#include <memory>

#include <fovea/core/parallel_for.h>
#include <fovea/core/storage.h>
#include <fovea/cpu/conv2d/args.h>
#include <fovea/cpu/conv2d_weight_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Output pixels whose products are one chain of fma. 64 x 64 channels of dy are 16 KiB: half of an L1.
inline constexpr std::int64_t kGradChunk = 64;

// The cut depends on the shape alone, on no vector width and no thread count.
struct GradSlices {
  static constexpr std::int64_t kPixels = 4096;       // of a slice, at least
  static constexpr std::int64_t kElements = 1 << 22;  // of all partial sums, at most (16 MiB)

  explicit GradSlices(const Conv2dWeightGradArgs<float>& a) : elements(a.numel()), pixels(a.pixels()), dw(a.dw) {
    count = std::clamp(kElements / std::max<std::int64_t>(1, elements), std::int64_t{1},
                       std::max<std::int64_t>(1, pixels / kPixels));
    if (count > 1) partial = allocate_aligned(static_cast<std::size_t>(count * elements) * sizeof(float));
  }
  // Not left to the compiler, which would define them in the target region of their first use.
  ~GradSlices() {}
  GradSlices(const GradSlices&) = delete;
  GradSlices& operator=(const GradSlices&) = delete;

  // First pixel of a slice: a multiple of the chunk.
  std::int64_t begin(std::int64_t slice) const {
    return slice == count ? pixels : slice * (pixels / kGradChunk) / count * kGradChunk;
  }
  std::int64_t longest() const { return pixels / count + kGradChunk; }  // no slice has more pixels
  // Where the sums of a slice go, in the order of dw.
  float* part(std::int64_t slice) const {
    return count == 1 ? dw : reinterpret_cast<float*>(partial.get()) + slice * elements;
  }
  // dw = the sum of all slices, in double.
  void add_up() const {
    if (count == 1) return;
    parallel_for(elements, 4096, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        double sum = 0;
        for (std::int64_t s = 0; s < count; ++s) sum += static_cast<double>(part(s)[i]);
        dw[i] = static_cast<float>(sum);
      }
    });
  }

  std::int64_t elements, pixels, count = 1;
  float* dw;
  std::shared_ptr<std::byte> partial;
};

}  // namespace fovea::inline FOVEA_ABI::cpu
