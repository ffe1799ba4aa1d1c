// The reference pools: plain loops, sums in double. Layer cpu.
#pragma once

#include <limits>

#include <fovea/cpu/pool/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// What the maximum of nothing is: minus infinity, or the lowest integer.
template <class T>
T lowest_value() {
  if constexpr (is_floating<T>)
    return static_cast<T>(-std::numeric_limits<float>::infinity());
  else
    return std::numeric_limits<T>::lowest();
}

// Where the window of output pixel (i, j) begins, as h * width + w; -1 of an empty one.
template <class Args>
std::int64_t first_of_window(const Args& a, std::int64_t i, std::int64_t j) {
  const bool empty = a.rows[i].begin >= a.rows[i].end || a.columns[j].begin >= a.columns[j].end;
  return empty ? -1 : a.rows[i].begin * a.width + a.columns[j].begin;
}

// Channel c of the window of output pixel (i, j) in image `x`, and where it is: of equal ones the first, of several NaN
// the last.
template <class T>
T max_of_window(const PoolArgs<T>& a, const T* x, std::int64_t i, std::int64_t j, std::int64_t c, std::int32_t& place) {
  T best = lowest_value<T>();
  place = static_cast<std::int32_t>(first_of_window(a, i, j));
  for (std::int64_t h = a.rows[i].begin; h < a.rows[i].end; h += a.step_h) {
    for (std::int64_t w = a.columns[j].begin; w < a.columns[j].end; w += a.step_w) {
      const T v = x[(h * a.width + w) * a.channels + c];
      if (!(v > best || v != v)) continue;  // NaN stays: nothing is greater than it
      best = v;
      place = static_cast<std::int32_t>(h * a.width + w);
    }
  }
  return best;
}

template <class T>
T average_of_window(const PoolArgs<T>& a, const T* x, std::int64_t i, std::int64_t j, std::int64_t c) {
  double sum = 0;
  for (std::int64_t h = a.rows[i].begin; h < a.rows[i].end; h += a.step_h)
    for (std::int64_t w = a.columns[j].begin; w < a.columns[j].end; w += a.step_w)
      sum += static_cast<double>(x[(h * a.width + w) * a.channels + c]);
  return static_cast<T>(sum / static_cast<double>(a.divisor_of(i, j)));
}

template <class T>
void pool_reference(const PoolArgs<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t i = row % a.out_height;
    const T* x = a.x + row / a.out_height * a.height * a.width * a.channels;
    for (std::int64_t j = 0; j < a.out_width; ++j) {
      T* y = a.y + (row * a.out_width + j) * a.channels;
      for (std::int64_t c = 0; c < a.channels; ++c) {
        std::int32_t place = 0;
        y[c] = a.kind == PoolKind::max ? max_of_window(a, x, i, j, c, place) : average_of_window(a, x, i, j, c);
        if (a.index) a.index[(row * a.out_width + j) * a.channels + c] = place;
      }
    }
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
