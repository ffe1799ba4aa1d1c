// Logits and stage means against stored references.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <fovea/core/tensor.h>
#include <support/catch.h>

namespace fovea::test {

// N C H W -> N H W C.
inline Tensor<float> to_nhwc(const Tensor<float>& x) {
  const std::int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  Tensor<float> y({n, h, w, c});
  float* out = y.mutable_data();
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = 0; k < c; ++k)
      for (std::int64_t p = 0; p < h * w; ++p) out[(i * h * w + p) * c + k] = x.data()[(i * c + k) * h * w + p];
  return y;
}

// Mean over H and W of N H W C, or of N C as it is.
inline Tensor<float> spatial_mean(const Tensor<float>& x) {
  const std::int64_t n = x.size(0), c = x.size(-1 + x.rank()), pixels = x.numel() / (n * c);
  Tensor<float> mean({n, c});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < c; ++k) {
      double sum = 0;
      for (std::int64_t p = 0; p < pixels; ++p) sum += x.data()[(i * pixels + p) * c + k];
      mean.mutable_data()[i * c + k] = static_cast<float>(sum / static_cast<double>(pixels));
    }
  }
  return mean;
}

inline double max_difference(const Tensor<float>& a, const Tensor<float>& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double d = std::abs(double{a.data()[i]} - double{b.data()[i]});
    worst = d <= worst ? worst : d;  // NaN is the worst
  }
  return worst;
}

// Standard deviation over all values.
inline double spread(const Tensor<float>& x) {
  double sum = 0, squares = 0;
  for (const float v : x.values()) sum += v;
  const double mean = sum / static_cast<double>(x.numel());
  for (const float v : x.values()) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(x.numel()));
}

// Classes of one row by falling logit.
inline std::vector<int> top(const Tensor<float>& logits, std::int64_t row, std::size_t k) {
  const float* v = logits.data() + row * logits.size(1);
  std::vector<int> order(static_cast<std::size_t>(logits.size(1)));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return v[a] > v[b]; });
  order.resize(std::min(k, order.size()));
  return order;
}

// 1e-3, relative to the spread of the logits where that is above 1, and the same five best classes in the same order.
inline void check_logits(const std::string& what, const Tensor<float>& logits, const Tensor<float>& expected) {
  CAPTURE(what);
  const double bound = 1e-3 * std::max(1.0, spread(expected)), difference = max_difference(logits, expected);
  std::printf("%s: largest difference %.1e, %.1e is allowed\n", what.c_str(), difference, bound);
  CHECK(difference <= bound);
  for (std::int64_t n = 0; n < expected.size(0); ++n) {
    CAPTURE(n);
    CHECK(top(logits, n, 5) == top(expected, n, 5));
  }
}

}  // namespace fovea::test
