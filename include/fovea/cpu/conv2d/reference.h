// The reference convolution: plain loops, any shape, any type; the oracle of every other row. Layer cpu.
#pragma once

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/conv2d/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// One output element. The accumulator is acc_t<T>: double for floating types, int32 for integers.
template <class T>
T conv2d_element(const Conv2dArgs<T>& a, std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t o) {
  const std::int64_t per_group = a.group_in(), first = o / a.group_out() * per_group;
  const Conv2dWeightStrides strides = a.strides_of_weight();
  acc_t<T> sum = a.bias ? static_cast<acc_t<T>>(a.bias[o]) : acc_t<T>(0);
  for (std::int64_t kh = 0; kh < a.kernel_h; ++kh) {
    const T* row = a.rows[n * a.rows_per_image + oh * a.stride_h + kh * a.dilation_h];
    for (std::int64_t kw = 0; kw < a.kernel_w; ++kw) {
      const std::int64_t column = ow * a.stride_w - a.padding_left + kw * a.dilation_w;
      const bool inside = column >= a.column_begin && column < a.column_end;
      const T* x = (inside ? row + column * a.pixel_stride : a.padding_row) + first;
      const master_t<T>* w = a.weight_of(o) + kh * strides.h + kw * strides.w;
      for (std::int64_t c = 0; c < per_group; ++c)
        sum += static_cast<acc_t<T>>(x[c]) * static_cast<acc_t<T>>(w[c * strides.in]);
    }
  }
  return static_cast<T>(sum);
}

template <class T>
void conv2d_reference(const Conv2dArgs<T>& a) {
  parallel_for(a.batch * a.out_height * a.out_width, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const std::int64_t n = pixel / (a.out_height * a.out_width), p = pixel % (a.out_height * a.out_width);
      T* y = a.y_at(n, p / a.out_width, p % a.out_width);
      for (std::int64_t o = 0; o < a.out_channels; ++o)
        y[o] = conv2d_element(a, n, p / a.out_width, p % a.out_width, o);
    }
  });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
