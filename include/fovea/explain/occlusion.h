// Occlusion (Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2): a grey square slides over the photo, and where it
// costs the class most, the evidence was. For networks without gradients: it only calls the network. Layer explain.
//
//   const Occlusion<float> o = occlusion(net, x);   // o.map: H W of the input
//
// A square's drop is y(photo) - y(photo with the square), y being the class's logit; a pixel of the map has the mean
// drop of the squares that cover it. Negative: the class gains when the pixel is hidden.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <fovea/explain/target.h>

namespace fovea::inline FOVEA_ABI {

struct OcclusionOptions {
  std::optional<std::int64_t> index = std::nullopt;  // class; none: the most probable
  std::int64_t patch = 0;                            // side of the square in pixels; 0: a seventh of the short side
  std::int64_t stride = 0;                           // from square to square; 0: half a square
  double fill = 0;                                   // of the input's values; 0 is the mean colour, a grey
  std::int64_t batch = 16;                           // squares tried in one run of the network
  ExplainProgress progress = {};                     // after each run, in squares
};

template <Element T>
struct Occlusion {
  Tensor<T> map;                       // H W of the input
  Tensor<T> logits;                    // of the whole photo; 1 classes
  std::int64_t index = 0;              // the class explained
  std::int64_t patch = 0, stride = 0;  // as used
};

namespace detail {
// Where squares begin on an axis: every `stride` pixels, and one at the end, so that every pixel is covered.
inline std::vector<std::int64_t> patch_starts(std::int64_t size, std::int64_t patch, std::int64_t stride) {
  std::vector<std::int64_t> starts;
  for (std::int64_t at = 0; at < size - patch; at += stride) starts.push_back(at);
  starts.push_back(size - patch);
  return starts;
}

struct PatchCorner {
  std::int64_t top, left;
};

// The photo once for each corner, its square filled. x: 1 H W C; returns N H W C.
template <Element T>
Tensor<T> occluded_photos(const Tensor<T>& x, const std::vector<PatchCorner>& corners, std::int64_t patch, T fill) {
  const std::int64_t width = x.size(2), channels = x.size(3);
  Tensor<T> batch(x.shape().with(0, static_cast<std::int64_t>(corners.size())), uninitialized);
  T* photo = batch.mutable_data();
  for (const PatchCorner& corner : corners) {
    std::copy_n(x.data(), x.numel(), photo);
    for (std::int64_t y = corner.top; y < corner.top + patch; ++y)
      std::fill_n(photo + (y * width + corner.left) * channels, patch * channels, fill);
    photo += x.numel();
  }
  return batch;
}

template <Element T>
OcclusionOptions complete_options(OcclusionOptions o, const Tensor<T>& x) {
  const std::int64_t side = std::min(x.size(1), x.size(2));
  if (o.patch == 0) o.patch = std::max<std::int64_t>(1, side / 7);
  if (o.stride == 0) o.stride = std::max<std::int64_t>(1, o.patch / 2);
  if (o.patch < 1 || o.patch > side || o.stride < 1 || o.stride > o.patch || o.batch < 1)
    fail("occlusion: a square of ", o.patch, " every ", o.stride, " pixels of ", x.shape(), " in batches of ", o.batch,
         "; a square inside the photo and a stride that leaves no gap are right");
  return o;
}
}  // namespace detail

// net(N H W C) -> logits N classes; x: 1 H W C. The cost is that of a pass a square: 169 for 224 x 224 by default.
// Errors: shapes, squares that do not fit, a class that the network has not; bad data where logits are not finite.
template <class Net, Element T>
Occlusion<T> occlusion(const Net& net, const Tensor<T>& x, const OcclusionOptions& options = {}) {
  detail::check_one_photo("occlusion", x);
  const OcclusionOptions o = detail::complete_options(options, x);
  Occlusion<T> result;
  result.patch = o.patch, result.stride = o.stride;
  result.logits = net(x);
  result.index = detail::explained_class("occlusion", result.logits, o.index);
  std::vector<detail::PatchCorner> corners;
  for (const std::int64_t top : detail::patch_starts(x.size(1), o.patch, o.stride))
    for (const std::int64_t left : detail::patch_starts(x.size(2), o.patch, o.stride)) corners.push_back({top, left});

  const std::int64_t width = x.size(2), classes = result.logits.size(1);
  const double whole = static_cast<double>(result.logits.data()[result.index]);
  std::vector<double> sum(static_cast<std::size_t>(x.size(1) * width));
  std::vector<int> count(sum.size());
  for (std::size_t begin = 0; begin < corners.size(); begin += static_cast<std::size_t>(o.batch)) {
    const std::size_t end = std::min(corners.size(), begin + static_cast<std::size_t>(o.batch));
    const std::vector<detail::PatchCorner> some(corners.begin() + static_cast<std::ptrdiff_t>(begin),
                                                corners.begin() + static_cast<std::ptrdiff_t>(end));
    const Tensor<T> logits = net(detail::occluded_photos(x, some, o.patch, static_cast<T>(o.fill)));
    detail::check_finite("occlusion, of a covered photo", logits);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const double drop =
          whole - static_cast<double>(logits.data()[static_cast<std::int64_t>(i) * classes + result.index]);
      for (std::int64_t y = some[i].top; y < some[i].top + o.patch; ++y)
        for (std::int64_t at = y * width + some[i].left, last = at + o.patch; at < last; ++at)
          sum[static_cast<std::size_t>(at)] += drop, ++count[static_cast<std::size_t>(at)];
    }
    if (o.progress) o.progress(static_cast<std::int64_t>(end), std::ssize(corners));
  }
  result.map = Tensor<T>({x.size(1), width}, uninitialized);
  T* to = result.map.mutable_data();
  for (std::size_t i = 0; i < sum.size(); ++i) to[i] = static_cast<T>(sum[i] / count[i]);
  return result;
}

}  // namespace fovea::inline FOVEA_ABI
