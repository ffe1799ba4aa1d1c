// flatten, channel_shuffle, pixel_shuffle: fixed rearrangements of feature maps. Layer ops; slice.h has the general
// ones.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/ops/check.h>
#include <fovea/ops/slice.h>

namespace fovea::inline FOVEA_ABI {

// Dimensions begin ... end as one (a reshape; PyTorch's default begins behind N). Of N H W C this is the order of the
// memory, channels fastest; weights of a PyTorch fully connected layer expect flatten(permute(x, {0, 3, 1, 2})).
template <class T>
Tensor<T> flatten(const Tensor<T>& x, int begin = 1, int end = -1) {
  detail::check_defined("flatten", "input", x);
  const int b = detail::check_axis("flatten", x.shape(), begin), e = detail::check_axis("flatten", x.shape(), end);
  if (b > e) fail("flatten: dimensions ", begin, " to ", end, " of input ", x.shape());
  std::vector<std::int64_t> size(x.shape().begin(), x.shape().begin() + b);
  size.push_back(1);
  for (int d = b; d <= e; ++d) size.back() *= x.size(d);
  size.insert(size.end(), x.shape().begin() + e + 1, x.shape().end());
  return x.reshape(Shape(std::span<const std::int64_t>(size)));
}

namespace detail {
// x's elements in the order of dimensions (size, stride), as a tensor of shape `shape` of as many.
template <class T>
Tensor<T> rearranged(const Tensor<T>& x, const Shape& shape, std::initializer_list<std::int64_t> size,
                     std::initializer_list<std::int64_t> stride) {
  Tensor<T> y(shape, uninitialized, x.device());
  if (y.numel() == 0) return y;
  StridedCopyArgs<T> args = {.rank = static_cast<int>(size.size()), .x = x.data(), .y = y.mutable_data()};
  std::copy(size.begin(), size.end(), args.size.begin());
  std::copy(stride.begin(), stride.end(), args.stride.begin());
  choose(args, x.device()).run(args);
  return y;
}

// Channel g * (C / groups) + i becomes channel i * groups + g.
template <class T>
Tensor<T> shuffled_channels(const Tensor<T>& x, std::int64_t groups) {
  const std::int64_t c = x.size(-1), each = groups == 0 ? 0 : c / groups, pixels = c == 0 ? 0 : x.numel() / c;
  return rearranged(x, x.shape(), {pixels, each, groups}, {c, 1, each});
}

// N H W (C r r) -> N (H r) (W r) C, and back.
template <class T>
Tensor<T> pixels_from_channels(const Tensor<T>& x, std::int64_t r) {
  const std::int64_t n = x.size(0), h = x.size(1), w = x.size(2), in = x.size(3), c = in / (r * r);
  return rearranged(x, {n, h * r, w * r, c}, {n, h, r, w, r, c}, {h * w * in, w * in, r, in, 1, r * r});
}
template <class T>
Tensor<T> channels_from_pixels(const Tensor<T>& y, std::int64_t r) {
  const std::int64_t n = y.size(0), h = y.size(1) / r, w = y.size(2) / r, c = y.size(3), row = w * r * c;
  return rearranged(y, {n, h, w, c * r * r}, {n, h, w, c, r, r}, {h * r * row, r * row, r * c, 1, row, c});
}
}  // namespace detail

// Mixes the channels of groups (Zhang et al. 2018, ShuffleNet): C as groups x C / groups, transposed. Any shape whose
// last dimension is C. Errors: groups that do not divide C.
template <class T>
Tensor<T> channel_shuffle(const Tensor<T>& x, std::int64_t groups) {
  detail::check_defined("channel_shuffle", "input", x);
  if (x.rank() < 1 || groups < 1 || x.size(-1) % groups != 0)
    fail("channel_shuffle: the channels of input ", x.shape(), " are not divided by ", groups, " groups");
  return record(
      "channel_shuffle",
      [&] {
        return Attributes{{"groups", groups}};
      },
      {x.id()}, detail::shuffled_channels(x, groups),
      [id = x.id(), groups](Gradients& g, const Tensor<T>& dy) {
        g.add(id, detail::shuffled_channels(dy, dy.size(-1) / groups));
      });
}

// Each r x r channels become pixels (Shi et al. 2016): channel c r r + dy r + dx of N H W (C r r) is channel c of pixel
// (h r + dy, w r + dx). Errors: channels that r r does not divide.
template <class T>
Tensor<T> pixel_shuffle(const Tensor<T>& x, std::int64_t upscale_factor) {
  detail::check_maps("pixel_shuffle", x);
  const std::int64_t r = upscale_factor;
  if (r < 1 || x.size(3) % checked_mul(r, r, "pixel_shuffle") != 0)
    fail("pixel_shuffle: the channels of input ", x.shape(), " are not divided by ", r, "x", r);
  return record(
      "pixel_shuffle",
      [&] {
        return Attributes{{"upscale_factor", r}};
      },
      {x.id()}, detail::pixels_from_channels(x, r),
      [id = x.id(), r](Gradients& g, const Tensor<T>& dy) { g.add(id, detail::channels_from_pixels(dy, r)); });
}

}  // namespace fovea::inline FOVEA_ABI
