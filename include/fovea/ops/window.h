// Sliding windows: sizes in two dimensions, padding, and the output size that convolutions and pools share. Layer ops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fovea/core/shape.h>

namespace fovea::inline FOVEA_ABI {

// Height and width of something; one number means both: .stride = 2, .kernel_size = {1, 3}.
struct Size2 {
  std::int64_t h = 1, w = 1;
  constexpr Size2() = default;
  constexpr Size2(std::int64_t both) : h(both), w(both) {}
  constexpr Size2(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  friend bool operator==(const Size2&, const Size2&) = default;
};

// Rows and columns added around an image; one number means all four sides. Padding::same() is TensorFlow's rule: the
// output has ceil(in / stride) rows, and an odd total puts the extra row at the end, so it depends on the input's size.
struct Padding {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool is_same = false;
  constexpr Padding() = default;
  constexpr Padding(std::int64_t all) : top(all), bottom(all), left(all), right(all) {}
  constexpr Padding(std::int64_t t, std::int64_t b, std::int64_t l, std::int64_t r) : top(t), bottom(b), left(l), right(r) {}
  static constexpr Padding same() {
    Padding p;
    p.is_same = true;
    return p;
  }
  friend bool operator==(const Padding&, const Padding&) = default;
};

struct Window {
  Size2 kernel_size = 1, stride = 1, dilation = 1;
  Padding padding = 0;
};

// Extent of a dilated kernel: (k - 1) * dilation + 1.
inline std::int64_t window_extent(std::int64_t kernel, std::int64_t dilation) {
  return checked_add(checked_mul(kernel - 1, dilation, "kernel_size"), 1, "kernel_size");
}

// Checks a window's own numbers for `op`: sizes, strides and dilations >= 1, padding >= 0.
inline void check_window(const char* op, const Window& w) {
  const auto positive = [&](const char* what, Size2 s) {
    if (s.h < 1 || s.w < 1) fail(op, ": ", what, " ", s.h, "x", s.w, " must be at least 1");
  };
  positive("kernel_size", w.kernel_size);
  positive("stride", w.stride);
  positive("dilation", w.dilation);
  const Padding& p = w.padding;
  if (std::min({p.top, p.bottom, p.left, p.right}) < 0)
    fail(op, ": padding ", p.top, ",", p.bottom, ",", p.left, ",", p.right, " is negative");
}

// The padding with "same" worked out for an input of height x width.
inline Padding resolve_padding(const Window& w, std::int64_t height, std::int64_t width) {
  if (!w.padding.is_same) return w.padding;
  const auto total = [](std::int64_t in, std::int64_t k, std::int64_t s, std::int64_t d) {
    const std::int64_t out = (in + s - 1) / s;
    return std::max<std::int64_t>(0, (out - 1) * s + window_extent(k, d) - in);
  };
  const std::int64_t h = total(height, w.kernel_size.h, w.stride.h, w.dilation.h);
  const std::int64_t v = total(width, w.kernel_size.w, w.stride.w, w.dilation.w);
  return {h / 2, h - h / 2, v / 2, v - v / 2};
}

// Output size along one dimension: floor((in + padding - extent) / stride) + 1, or the ceiling with ceil_mode, where (as in
// PyTorch) a last window that would start in the end padding is dropped. An input smaller than the kernel is an error.
inline std::int64_t window_output(const char* op, std::int64_t in, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t dilation, std::int64_t begin, std::int64_t end, bool ceil_mode = false) {
  const std::int64_t padded = checked_add(in, checked_add(begin, end, "padding"), "padding");
  const std::int64_t room = padded - window_extent(kernel, dilation);
  if (room < 0)
    fail(op, ": a kernel of ", kernel, " with dilation ", dilation, " does not fit an input of ", in, " padded to ", padded);
  std::int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (out - 1) * stride >= in + begin) --out;
  return out;
}

// Attribute forms for record(): a resolved size is never recorded, "same" stays "same".
inline std::vector<std::int64_t> to_list(Size2 s) { return {s.h, s.w}; }
inline std::vector<std::int64_t> to_list(const Padding& p) { return {p.top, p.bottom, p.left, p.right}; }

}  // namespace fovea::inline FOVEA_ABI
