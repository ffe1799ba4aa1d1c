// Padding of feature maps N H W C on each side. Layer ops.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/pad/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/resample_taps.h>
#include <fovea/ops/window.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/pad/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// Of a row a b c d padded by 2 on both sides: constant v v a b c d v v, reflect c b a b c d c b, replicate
// a a a b c d d d, circular c d a b c d a b.
enum class PadMode : std::uint8_t { constant, reflect, replicate, circular };
inline constexpr const char* name_of(PadMode mode) {
  constexpr const char* names[] = {"constant", "reflect", "replicate", "circular"};
  return names[static_cast<std::size_t>(mode)];
}

namespace detail {
// Input position of each padded position along one dimension of `in`; -1 = the value.
inline std::vector<std::int64_t> pad_sources(const Shape& x, std::int64_t in, std::int64_t begin, std::int64_t end,
                                             PadMode mode) {
  const std::int64_t out = checked_add(in, checked_add(begin, end, "pad"), "pad");
  const std::int64_t most = std::max(begin, end), limit = mode == PadMode::reflect ? in - 1 : in;
  const bool limited = mode == PadMode::reflect || mode == PadMode::circular;
  if (out < 0) fail("pad: padding ", begin, ",", end, " removes more than the ", in, " positions of input ", x);
  if (mode != PadMode::constant && in < 1 && out > 0) fail("pad: input ", x, " has nothing to ", name_of(mode));
  if (limited && most > limit)
    fail("pad: padding ", begin, ",", end, " of input ", x, ", mode ", name_of(mode), " takes at most ", limit);
  std::vector<std::int64_t> source(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    std::int64_t s = i - begin;
    if (s < 0 || s >= in) {
      if (mode == PadMode::constant)
        s = -1;
      else if (mode == PadMode::replicate)
        s = s < 0 ? 0 : in - 1;
      else if (mode == PadMode::reflect)
        s = s < 0 ? -s : 2 * (in - 1) - s;
      else
        s = s < 0 ? s + in : s - in;
    }
    source[static_cast<std::size_t>(i)] = s;
  }
  return source;
}

template <class T>
Tensor<T> pad_values(const Tensor<T>& x, const std::vector<std::int64_t>& rows,
                     const std::vector<std::int64_t>& columns, double value) {
  const auto out_h = static_cast<std::int64_t>(rows.size()), out_w = static_cast<std::int64_t>(columns.size());
  Tensor<T> y({x.size(0), out_h, out_w, x.size(3)}, uninitialized, x.device());
  const PadArgs<T> args = {.batch = x.size(0),
                           .height = x.size(1),
                           .width = x.size(2),
                           .channels = x.size(3),
                           .out_height = out_h,
                           .out_width = out_w,
                           .rows = rows.data(),
                           .columns = columns.data(),
                           .value = static_cast<T>(value),
                           .x = x.data(),
                           .y = y.mutable_data()};
  choose(args, x.device()).run(args);
  return y;
}

// For each of `in` positions the padded ones that are copies of it.
inline ResampleTaps pad_copies(const std::vector<std::int64_t>& sources, std::int64_t in) {
  ResampleTaps taps;
  for (const std::int64_t s : sources) {
    if (s >= 0) taps.add(s, 1);
    taps.end_output();
  }
  return transposed(taps, in);
}

// dx: mode constant copies each pixel at most once, so its gradient is the padding that undoes it; the other modes add
// up the copies.
template <class T>
Tensor<T> pad_gradient(const Shape& shape, const Padding& p, PadMode mode, const Tensor<T>& dy) {
  if (mode == PadMode::constant)
    return pad_values(dy, pad_sources(dy.shape(), dy.size(1), -p.top, -p.bottom, mode),
                      pad_sources(dy.shape(), dy.size(2), -p.left, -p.right, mode), 0);
  Tensor<T> dx(shape, uninitialized, dy.device());
  resample(dy, pad_copies(pad_sources(shape, shape[1], p.top, p.bottom, mode), shape[1]),
           pad_copies(pad_sources(shape, shape[2], p.left, p.right, mode), shape[2]), dx);
  return dx;
}
}  // namespace detail

// x: NxHxWxC -> N x (top + H + bottom) x (left + W + right) x C. A negative padding crops. `value` is for mode
// constant. Errors: x not of rank 4; Padding::same(), which needs a window; more padding than mode reflect (size - 1)
// or circular (size) can take; more cropped than there is; a value that an integer type cannot hold.
template <class T>
Tensor<T> pad(const Tensor<T>& x, const Padding& padding, PadMode mode = PadMode::constant, double value = 0) {
  detail::check_maps("pad", x);
  if (padding.is_same) fail("pad: padding \"same\" needs a window; give the four sides");
  if constexpr (!is_floating<T>) {
    if (!(value >= -0x1p31 && value < 0x1p31) ||
        static_cast<double>(static_cast<T>(static_cast<std::int64_t>(value))) != value)
      fail("pad: value ", value, " is not a value of ", dtype_of<T>);
  }
  const Padding& p = padding;
  const auto rows = detail::pad_sources(x.shape(), x.size(1), p.top, p.bottom, mode);
  const auto columns = detail::pad_sources(x.shape(), x.size(2), p.left, p.right, mode);
  const Tensor<T> y = detail::pad_values(x, rows, columns, value);
  const auto attributes = [&] {
    return Attributes{{"padding", to_list(padding)}, {"mode", std::string(name_of(mode))}, {"value", value}};
  };
  if constexpr (is_floating<T>) {
    return record("pad", attributes, {x.id()}, y,
                  [id = x.id(), shape = x.shape(), p, mode](Gradients& g, const Tensor<T>& dy) {
                    g.add(id, detail::pad_gradient(shape, p, mode, dy));
                  });
  } else {
    return record("pad", attributes, {x.id()}, y);
  }
}

}  // namespace fovea::inline FOVEA_ABI
