// Resize of 8-bit pictures, equal to Pillow 13 bit for bit (Image.resize with reducing_gap=None, Image.reduce). Layer
// image; the filters' weights are in image/filter.h.
//
//   Tensor<std::uint8_t> small = resize(photo.pixels, {.width = 341, .height = 256});
//
// Two passes of 22-bit integer weights, one an axis, with an 8-bit picture between them; an axis that keeps its size
// has no pass.
#pragma once

#include <array>
#include <optional>

#include <fovea/core/parallel_for.h>
#include <fovea/core/tensor.h>
#include <fovea/image/filter.h>

namespace fovea::inline FOVEA_ABI {

struct ResizeOptions {
  std::int64_t width = 0, height = 0;
  Filter filter = Filter::bilinear;
  std::optional<std::array<float, 4>> box = std::nullopt;  // source rectangle: left, top, right, bottom; in pixels
};

namespace detail {

inline std::uint8_t weighted(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// Rows worth handing to another thread, for that many multiplications a row.
inline std::int64_t rows_a_thread(std::int64_t work) {
  return std::max<std::int64_t>(1, 100'000 / std::max<std::int64_t>(1, work));
}

// One row of the horizontal pass: `in` is W C, `out` is out_width C. kChannels = C, or 1 to go channel by channel.
template <int kChannels>
void resize_row(const std::uint8_t* in, const AxisWeights& a, std::int64_t c, std::uint8_t* out) {
  for (std::size_t x = 0; x < a.windows.size(); ++x) {
    const auto [first, count] = a.windows[x];
    const std::int32_t* weight = a.of(static_cast<std::int64_t>(x));
    for (std::int64_t k = 0; k < c; k += kChannels) {
      std::int32_t sum[kChannels];
      std::fill_n(sum, kChannels, 1 << (kWeightBits - 1));
      const std::uint8_t* pixel = in + first * c + k;
      for (std::int64_t i = 0; i < count; ++i, pixel += c)
        for (int j = 0; j < kChannels; ++j) sum[j] += weight[i] * pixel[j];
      for (int j = 0; j < kChannels; ++j) *out++ = weighted(sum[j]);
    }
  }
}

inline Tensor<std::uint8_t> resize_horizontally(const Tensor<std::uint8_t>& image, const AxisWeights& a) {
  const std::int64_t h = image.size(0), w = image.size(1), out_w = static_cast<std::int64_t>(a.windows.size());
  const std::int64_t c = image.size(2);
  Tensor<std::uint8_t> out({h, out_w, c}, uninitialized);
  std::uint8_t* to = out.mutable_data();
  const auto row = c == 3 ? resize_row<3> : resize_row<1>;
  parallel_for(h, rows_a_thread(out_w * c * a.stride), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) row(image.data() + y * w * c, a, c, to + y * out_w * c);
  });
  return out;
}

// One row of the vertical pass: source rows of `row` bytes, summed column by column in `sum`.
inline void vertical_row(const std::uint8_t* image, std::int64_t row, const AxisWeights& a, std::int64_t y,
                         std::span<std::int32_t> sum, std::uint8_t* out) {
  const auto [first, count] = a.windows[static_cast<std::size_t>(y)];
  std::fill(sum.begin(), sum.end(), 1 << (kWeightBits - 1));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t weight = a.of(y)[i];
    const std::uint8_t* in = image + (first + i) * row;
    for (std::int64_t x = 0; x < row; ++x) sum[static_cast<std::size_t>(x)] += weight * in[x];
  }
  for (std::int64_t x = 0; x < row; ++x) out[x] = weighted(sum[static_cast<std::size_t>(x)]);
}

inline Tensor<std::uint8_t> resize_vertically(const Tensor<std::uint8_t>& image, const AxisWeights& a) {
  const std::int64_t row = image.size(1) * image.size(2), out_h = static_cast<std::int64_t>(a.windows.size());
  Tensor<std::uint8_t> out(image.shape().with(0, out_h), uninitialized);
  std::uint8_t* to = out.mutable_data();
  parallel_for(out_h, rows_a_thread(row * a.stride), [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> sum(static_cast<std::size_t>(row));
    for (std::int64_t y = begin; y < end; ++y) vertical_row(image.data(), row, a, y, sum, to + y * row);
  });
  return out;
}

// Source index of each output pixel. The position is accumulated in double, as Pillow does: a product differs in
// places.
inline std::vector<std::int64_t> nearest_indices(std::int64_t in, double begin, double end, std::int64_t out) {
  const double step = (end - begin) / static_cast<double>(out);
  std::vector<std::int64_t> index(static_cast<std::size_t>(out));
  double at = begin + step * 0.5;
  for (std::int64_t& i : index) {
    i = std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, in - 1);
    at += step;
  }
  return index;
}

inline Tensor<std::uint8_t> resize_nearest(const Tensor<std::uint8_t>& image, std::span<const std::int64_t> rows,
                                           std::span<const std::int64_t> columns) {
  const std::int64_t w = image.size(1), c = image.size(2);
  Tensor<std::uint8_t> out({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns.size()), c},
                           uninitialized);
  std::uint8_t* to = out.mutable_data();
  for (const std::int64_t y : rows)
    for (const std::int64_t x : columns) to = std::copy_n(image.data() + (y * w + x) * c, c, to);
  return out;
}

inline void check_resize(const Tensor<std::uint8_t>& image, const ResizeOptions& o, const std::array<float, 4>& box) {
  if (image.rank() != 3 || image.numel() == 0) fail("resize: image of shape ", image.shape(), ", H W C is wanted");
  if (o.width < 1 || o.height < 1) fail("resize: to ", o.width, "x", o.height, ", both must be at least 1");
  const bool inside = box[0] >= 0 && box[1] >= 0 && box[2] <= static_cast<float>(image.size(1)) &&
                      box[3] <= static_cast<float>(image.size(0)) && box[0] < box[2] && box[1] < box[3];
  if (!inside)
    fail("resize: box ", box[0], ",", box[1], ",", box[2], ",", box[3],
         " (left, top, right, bottom) is empty or not inside ", image.size(1), "x", image.size(0));
}

}  // namespace detail

// image: H W C, any C. Returns height width C. Errors: a wrong shape, size or box.
inline Tensor<std::uint8_t> resize(const Tensor<std::uint8_t>& image, const ResizeOptions& options) {
  const float full_w = image.rank() == 3 ? static_cast<float>(image.size(1)) : 0;
  const float full_h = image.rank() == 3 ? static_cast<float>(image.size(0)) : 0;
  const std::array<float, 4> box = options.box.value_or(std::array<float, 4>{0, 0, full_w, full_h});
  detail::check_resize(image, options, box);
  const std::int64_t in_h = image.size(0), in_w = image.size(1), out_h = options.height, out_w = options.width;
  if (options.filter == Filter::nearest)
    return detail::resize_nearest(image, detail::nearest_indices(in_h, box[1], box[3], out_h),
                                  detail::nearest_indices(in_w, box[0], box[2], out_w));
  const bool across = out_w != in_w || box[0] != 0 || box[2] != full_w;
  const bool down = out_h != in_h || box[1] != 0 || box[3] != full_h;
  const auto horizontal = [&](const Tensor<std::uint8_t>& t) {
    return across ? detail::resize_horizontally(t, detail::axis_weights(options.filter, in_w, box[0], box[2], out_w))
                  : t;
  };
  const auto vertical = [&](const Tensor<std::uint8_t>& t) {
    return down ? detail::resize_vertically(t, detail::axis_weights(options.filter, in_h, box[1], box[3], out_h)) : t;
  };
  // The order shows in the last bit, since the picture between the passes is 8 bits (Pillow 13, pull request 9549).
  const bool vertical_first = out_h < in_h && in_h - out_h > 2 * (in_w - out_w);
  return vertical_first ? horizontal(vertical(image)) : vertical(horizontal(image));
}

namespace detail {

// Writes the rounded mean, per channel, of the pixels [x0, x1) x [y0, y1).
inline void block_mean(const Tensor<std::uint8_t>& image, std::int64_t y0, std::int64_t y1, std::int64_t x0,
                       std::int64_t x1, std::uint8_t* out) {
  const std::int64_t w = image.size(1), c = image.size(2), count = (y1 - y0) * (x1 - x0);
  // Pillow's division: a reciprocal of 24 + 8 bits, computed in float.
  const auto multiplier = static_cast<std::uint32_t>((1 << 30) * 4.0f / static_cast<float>(256 * count));
  for (std::int64_t k = 0; k < c; ++k) {
    auto sum = static_cast<std::uint32_t>(count / 2);
    for (std::int64_t y = y0; y < y1; ++y)
      for (std::int64_t x = x0; x < x1; ++x) sum += image.data()[(y * w + x) * c + k];
    out[k] = static_cast<std::uint8_t>(sum * multiplier >> 24);
  }
}

}  // namespace detail

// Shrinks by whole factors: each output pixel is the rounded mean of factor_x x factor_y source pixels, fewer at the
// right and lower edges (Pillow's Image.reduce). image: H W C; returns ceil(H / factor_y) ceil(W / factor_x) C.
inline Tensor<std::uint8_t> reduce(const Tensor<std::uint8_t>& image, std::int64_t factor_x, std::int64_t factor_y) {
  if (image.rank() != 3) fail("reduce: image of shape ", image.shape(), ", H W C is wanted");
  if (factor_x < 1 || factor_y < 1 || factor_x > 4096 || factor_y > 4096)
    fail("reduce: factors ", factor_x, " and ", factor_y, ", 1 to 4096 are right");
  const std::int64_t h = image.size(0), w = image.size(1), c = image.size(2);
  Tensor<std::uint8_t> out({(h + factor_y - 1) / factor_y, (w + factor_x - 1) / factor_x, c}, uninitialized);
  std::uint8_t* to = out.mutable_data();
  for (std::int64_t y = 0; y < h; y += factor_y)
    for (std::int64_t x = 0; x < w; x += factor_x, to += c)
      detail::block_mean(image, y, std::min(y + factor_y, h), x, std::min(x + factor_x, w), to);
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
