// Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365): how much each input value adds to a class's logit
// on the way from a baseline to the photo. Layer explain; read core/tape.h first.
//
//   const auto ig = integrated_gradients(net, x, baseline);   // ig.attributions: H W 3
//
// With x the photo, b the baseline and y the class's logit (eq. 1, the integral by the midpoint rule with m steps):
//   a_i = (x_i - b_i) * 1/m * sum over k = 0 .. m-1 of dy/dx_i (b + (k + 1/2) / m * (x - b))
// They add up to y(x) - y(b), which tells whether m is large enough. Only the input is watched: no parameter's gradient
// is computed.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include <fovea/core/tape.h>
#include <fovea/explain/target.h>

namespace fovea::inline FOVEA_ABI {

struct IntegratedGradientsOptions {
  std::optional<std::int64_t> index = std::nullopt;  // class; none: the most probable
  int steps = 64;                                    // m, doubled while the sum is off by more than `tolerance` ...
  int max_steps = 1024;                              // ... and it stays at or below this
  double tolerance = 0.01;                           // of |y(x) - y(b)|
  ExplainProgress progress = {};                     // after each step; doubling plans more: 64, then 64 + 128, ...
};

template <Element T>
struct IntegratedGradients {
  Tensor<T> attributions;                     // H W C
  Tensor<T> logits;                           // of the photo; 1 classes
  std::int64_t index = 0;                     // the class explained
  int steps = 0;                              // m of the attributions
  double sum = 0, difference = 0, error = 0;  // of the attributions; y(x) - y(b); sum_error of both
};

namespace detail {
// |sum - difference| / |difference|. A difference of 0 leaves nothing to be relative to: any other sum is all wrong, 1.
inline double sum_error(double sum, double difference) {
  if (difference == 0) return sum == 0 ? 0 : 1;
  return std::abs(sum - difference) / std::abs(difference);
}

// The attributions by the midpoint rule, gradients added up in double in the order of the steps; after_step(k).
template <class Net, Element T, class AfterStep>
Tensor<T> midpoint_attributions(const Net& net, const Tensor<T>& x, const Tensor<T>& baseline, const Tensor<T>& dy,
                                int steps, AfterStep&& after_step) {
  const T *to = x.data(), *from = baseline.data();
  std::vector<double> sum(static_cast<std::size_t>(x.numel()));
  for (int k = 0; k < steps; ++k) {
    const T along = static_cast<T>((k + 0.5) / steps);
    Tensor<T> point(x.shape(), uninitialized);
    T* p = point.mutable_data();
    for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = from[i] + along * (to[i] - from[i]);
    Tape tape;
    tape.watch(point, "the photo");
    const Tensor<T> gradient = tape.backward(net(point), dy).of(point);
    for (std::int64_t i = 0; i < x.numel(); ++i)
      sum[static_cast<std::size_t>(i)] += static_cast<double>(gradient.data()[i]);
    after_step(k);
  }
  Tensor<T> attributions({x.size(1), x.size(2), x.size(3)}, uninitialized);
  T* a = attributions.mutable_data();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    a[i] = static_cast<T>(sum[static_cast<std::size_t>(i)] / steps * static_cast<double>(to[i] - from[i]));
  return attributions;
}
}  // namespace detail

// x, baseline: 1 H W C, as the network takes them. The cost is that of 3 passes a step, of which there are at most
// steps (1 + 2 + 4 + ...), below twice max_steps. A logit that is the same for both counts as explained by attributions
// that add up to 0 exactly. Errors: shapes, steps, a class that the network has not, a tape that lives on this thread;
// bad data where logits or gradients are not finite.
template <class Net, Element T>
IntegratedGradients<T> integrated_gradients(const Net& net, const Tensor<T>& x, const Tensor<T>& baseline,
                                            const IntegratedGradientsOptions& options = {}) {
  detail::check_one_photo("integrated_gradients", x);
  if (baseline.shape() != x.shape())
    fail("integrated_gradients: baseline ", baseline.shape(), ", the photo is ", x.shape());
  if (options.steps < 1 || options.max_steps < options.steps)
    fail("integrated_gradients: ", options.steps, " to ", options.max_steps, " steps, 1 or more are right");
  IntegratedGradients<T> ig;
  ig.logits = net(x);
  ig.index = detail::explained_class("integrated_gradients", ig.logits, options.index);
  const Tensor<T> dy = detail::one_logit(ig.logits, ig.index), of_baseline = net(baseline);
  detail::check_finite("integrated_gradients, of the baseline", of_baseline);
  ig.difference = static_cast<double>(ig.logits.data()[ig.index]) - static_cast<double>(of_baseline.data()[ig.index]);
  std::int64_t done = 0;
  for (std::int64_t m = options.steps; m <= options.max_steps; m *= 2) {
    ig.steps = static_cast<int>(m);
    ig.attributions = detail::midpoint_attributions(net, x, baseline, dy, ig.steps, [&](int k) {
      if (options.progress) options.progress(done + k + 1, done + m);
    });
    done += m;
    ig.sum = 0;
    for (const T a : ig.attributions.values()) ig.sum += static_cast<double>(a);
    if (!std::isfinite(ig.sum)) fail_as(Code::bad_data, "integrated_gradients: the gradients are not finite");
    ig.error = detail::sum_error(ig.sum, ig.difference);
    if (ig.error <= options.tolerance) break;
  }
  return ig;
}

// The sum over the channels: what each pixel adds, of either sign. attributions: H W C; returns H W. Errors: another
// rank.
template <Element T>
Tensor<T> pixel_attributions(const Tensor<T>& attributions) {
  if (attributions.rank() != 3)
    fail("pixel_attributions: attributions of shape ", attributions.shape(), ", H W C is wanted");
  const std::int64_t channels = attributions.size(2);
  Tensor<T> map({attributions.size(0), attributions.size(1)});
  T* to = map.mutable_data();
  for (std::int64_t i = 0; i < attributions.numel(); ++i) to[i / channels] += attributions.data()[i];
  return map;
}

}  // namespace fovea::inline FOVEA_ABI
