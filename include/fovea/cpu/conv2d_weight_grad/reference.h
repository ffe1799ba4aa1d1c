// The reference kernel of a convolution's weight gradient: plain loops, any shape, any type; the oracle of every other
// row. Layer cpu.
#pragma once

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/conv2d_weight_grad/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// One element of dw, summed in acc_t<T> (double for floating types).
template <class T>
master_t<T> conv2d_weight_grad_element(const Conv2dWeightGradArgs<T>& a, std::int64_t o, std::int64_t c,
                                       std::int64_t kh, std::int64_t kw) {
  const std::int64_t channel = o / a.group_out() * a.group_in() + c;
  acc_t<T> sum = 0;
  for (std::int64_t n = 0; n < a.batch; ++n)
    for (std::int64_t oh = 0; oh < a.out_height; ++oh) {
      const T* row = a.rows[n * a.rows_per_image + oh * a.stride_h + kh * a.dilation_h];
      for (std::int64_t ow = 0; ow < a.out_width; ++ow) {
        const std::int64_t column = ow * a.stride_w - a.padding_left + kw * a.dilation_w;
        const bool inside = column >= a.column_begin && column < a.column_end;
        const T* x = (inside ? row + column * a.pixel_stride : a.padding_row) + channel;
        const T* dy = a.dy + ((n * a.out_height + oh) * a.out_width + ow) * a.out_channels + o;
        sum += static_cast<acc_t<T>>(*x) * static_cast<acc_t<T>>(*dy);
      }
    }
  return static_cast<master_t<T>>(sum);
}

template <class T>
void conv2d_weight_grad_reference(const Conv2dWeightGradArgs<T>& a) {
  parallel_for(a.numel(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t tap = i % a.taps(), c = i / a.taps() % a.group_in(), o = i / a.taps() / a.group_in();
      a.dw[i] = conv2d_weight_grad_element(a, o, c, tap / a.kernel_w, tap % a.kernel_w);
    }
  });
}

}  // namespace fovea::inline FOVEA_ABI::cpu
