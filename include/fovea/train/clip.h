// Clipping of gradients by norm and by value, as torch.nn.utils.clip_grad_norm_ and clip_grad_value_. Layer train; read
// core/gradients.h first.
//
//   Gradients gradients = tape.backward(loss);
//   const double norm = clip_grad_norm(gradients, 1.0);   // of all of them together, before clipping
//   optimizer.step(gradients);
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <fovea/core/gradients.h>
#include <fovea/train/elements.h>

namespace fovea::inline FOVEA_ABI {

inline constexpr double kMaximumNorm = std::numeric_limits<double>::infinity();

struct ClipNormOptions {
  double norm_type = 2;             // p of the p-norm; kMaximumNorm: the largest absolute value
  bool error_if_nonfinite = false;  // else a norm that is infinite or NaN makes all gradients 0 or NaN
};

namespace detail {
// Calls f(T* elements, count) with a gradient's own elements: one that is shared (add hands one tensor to both its
// inputs) is copied first.
template <class F>
void change_gradient(AnyTensor& g, F&& f) {
  with_dtype(g.dtype(), [&]<class T>(T) {
    if constexpr (is_floating<T>) {
      if (g.shared_storage().use_count() > 1) {
        Tensor<T> copy(g.shape(), uninitialized);
        std::copy_n(reinterpret_cast<const T*>(g.data()), g.numel(), copy.mutable_data());
        g = copy;
      }
      f(reinterpret_cast<T*>(g.mutable_data()), g.numel());
    }
  });
}

inline void scale_gradient(AnyTensor& g, double factor) {
  change_gradient(g, [factor]<class T>(T* x, std::int64_t n) {
    using M = master_t<T>;
    const M scale = static_cast<M>(factor);
    parallel_for(n, kUpdateGrain, [=](std::int64_t begin, std::int64_t end) {
      update_range(
          end - begin, [=](T& v) { v = static_cast<T>(static_cast<M>(v) * scale); }, x + begin);
    });
  });
}

// The norm of one gradient in double.
inline double gradient_norm(const AnyTensor& g, double p) {
  return with_dtype(g.dtype(), [&]<class T>(T) -> double {
    const T* x = reinterpret_cast<const T*>(g.data());
    if (p == 2) return norm_of(g.numel(), x);
    if (p == kMaximumNorm) {
      double most = 0;
      for (std::int64_t i = 0; i < g.numel(); ++i) {
        const double v = std::abs(static_cast<double>(x[i]));
        if (v > most || std::isnan(v)) most = v;  // no later comparison takes a NaN away
      }
      return most;
    }
    return std::pow(sum_elements(g.numel(), x, [p](double v) { return std::pow(std::abs(v), p); }), 1 / p);
  });
}
}  // namespace detail

// The norm of all gradients as one vector, summed in double in an order that is always the same.
inline double grad_norm(const Gradients& gradients, double norm_type = 2) {
  if (!(norm_type > 0)) fail("grad_norm: norm_type is ", norm_type, ", a number above 0 is wanted");
  double total = 0;
  gradients.for_each([&](ValueId, const AnyTensor& g) {
    const double norm = detail::gradient_norm(g, norm_type);
    if (norm_type != kMaximumNorm)
      total += std::pow(norm, norm_type);
    else if (norm > total || std::isnan(norm))
      total = norm;
  });
  return norm_type == kMaximumNorm ? total : std::pow(total, 1 / norm_type);
}

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), and returns the norm that they had.
inline double clip_grad_norm(Gradients& gradients, double max_norm, const ClipNormOptions& options = {}) {
  if (!(max_norm >= 0)) fail("clip_grad_norm: max_norm is ", max_norm, ", a number of at least 0 is wanted");
  const double norm = grad_norm(gradients, options.norm_type);
  if (options.error_if_nonfinite && !std::isfinite(norm))
    fail_as(Code::bad_data, "clip_grad_norm: the norm of the gradients is ", norm);
  const double scale = max_norm / (norm + 1e-6);
  if (!(scale >= 1)) gradients.for_each([&](ValueId, AnyTensor& g) { detail::scale_gradient(g, scale); });
  return norm;
}

// Brings every element into [-clip_value, clip_value]. NaN stays.
inline void clip_grad_value(Gradients& gradients, double clip_value) {
  if (!(clip_value >= 0)) fail("clip_grad_value: clip_value is ", clip_value, ", a number of at least 0 is wanted");
  gradients.for_each([&](ValueId, AnyTensor& g) {
    detail::change_gradient(g, [&]<class T>(T* x, std::int64_t n) {
      const T high = static_cast<T>(clip_value), low = static_cast<T>(-clip_value);
      parallel_for(n, detail::kUpdateGrain, [=](std::int64_t begin, std::int64_t end) {
        detail::update_range(
            end - begin, [=](T& v) { v = v > high  ? high
                                         : v < low ? low
                                                   : v; }, x + begin);
      });
    });
  });
}

}  // namespace fovea::inline FOVEA_ABI
