// The reference of layer norm (Ba, Kiros and Hinton 2016) and its gradients: plain loops in double. Layer cpu.
#pragma once

#include <cmath>
#include <vector>

#include <fovea/core/parallel_for.h>
#include <fovea/cpu/layer_norm/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

inline double inverse_deviation(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

// y = z * weight + bias with z = (x - mean) / sqrt(var + eps), mean and biased variance of the row; two passes.
template <class T>
void layer_norm_reference(const LayerNormArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const auto n = static_cast<double>(a.length);
  for (std::int64_t r = begin; r < end; ++r) {
    const T* x = a.x + r * a.length;
    double sum = 0, squares = 0;
    for (std::int64_t c = 0; c < a.length; ++c) sum += static_cast<double>(x[c]);
    const double mean = sum / n;
    for (std::int64_t c = 0; c < a.length; ++c) {
      const double d = static_cast<double>(x[c]) - mean;
      squares += d * d;
    }
    const double inverse = inverse_deviation(squares / n, a.eps);
    a.mean[r] = mean, a.inverse[r] = inverse;
    for (std::int64_t c = 0; c < a.length; ++c) {
      const double z = (static_cast<double>(x[c]) - mean) * inverse;
      const double scaled = a.weight ? z * static_cast<double>(a.weight[c]) : z;
      a.y[r * a.length + c] = static_cast<T>(a.bias ? scaled + static_cast<double>(a.bias[c]) : scaled);
    }
  }
}

// dx = (g - mean(g) - z mean(g z)) / sqrt(var + eps) with g = dy * weight.
template <class T>
void layer_norm_grad_reference(const LayerNormGradArgs<T>& a, std::int64_t begin, std::int64_t end) {
  const auto n = static_cast<double>(a.length);
  for (std::int64_t r = begin; r < end; ++r) {
    const T *x = a.x + r * a.length, *dy = a.dy + r * a.length;
    const auto z = [&](std::int64_t c) { return (static_cast<double>(x[c]) - a.mean[r]) * a.inverse[r]; };
    const auto g = [&](std::int64_t c) {
      return static_cast<double>(dy[c]) * (a.weight ? static_cast<double>(a.weight[c]) : 1.0);
    };
    double sum = 0, dot = 0;
    for (std::int64_t c = 0; c < a.length; ++c) sum += g(c), dot += g(c) * z(c);
    for (std::int64_t c = 0; c < a.length; ++c)
      a.dx[r * a.length + c] = static_cast<T>((g(c) - sum / n - z(c) * (dot / n)) * a.inverse[r]);
  }
}

// dweight += sum of dy z and dbias += sum of dy over the rows [begin, end), of a slice.
template <class T>
void layer_norm_sum_reference_slice(const LayerNormSumArgs<T>& a, std::int64_t begin, std::int64_t end, double* dweight,
                                    double* dbias) {
  for (std::int64_t r = begin; r < end; ++r)
    for (std::int64_t c = 0; c < a.length; ++c) {
      const double dy = static_cast<double>(a.dy[r * a.length + c]);
      dweight[c] += dy * ((static_cast<double>(a.x[r * a.length + c]) - a.mean[r]) * a.inverse[r]);
      dbias[c] += dy;
    }
}

// A row's `run`: Slice sums one slice, the slices are shared among threads and added in index order.
template <auto Slice, class T>
void layer_norm_sum(const LayerNormSumArgs<T>& a) {
  const std::int64_t slices = a.slices(), size = a.slice_rows();
  std::vector<double> partial(static_cast<std::size_t>(2 * slices * a.length));
  parallel_for(slices, grain_of(size * a.length), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s) {
      double* dweight = partial.data() + 2 * s * a.length;
      Slice(a, s * size, std::min(a.rows, (s + 1) * size), dweight, dweight + a.length);
    }
  });
  for (std::int64_t c = 0; c < a.length; ++c) a.dweight[c] = a.dbias[c] = 0;
  for (std::int64_t s = 0; s < slices; ++s)
    for (std::int64_t c = 0; c < a.length; ++c) {
      a.dweight[c] += partial[static_cast<std::size_t>(2 * s * a.length + c)];
      a.dbias[c] += partial[static_cast<std::size_t>((2 * s + 1) * a.length + c)];
    }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
