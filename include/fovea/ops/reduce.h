// Reductions over any dimensions: sum, mean, amax, amin, norm, l1_norm, var, std_dev. Layer ops.
//
// `axes` are the dimensions that vanish (negative: counted from the last; none named: all); with keepdim they stay, of
// size 1. Floating types; sums in double, rounded once, cut by the shape alone. A sum of nothing is 0. Errors: an axis
// that x lacks, or named twice.
#pragma once

#include <algorithm>
#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/arg_reduce/args.h>
#include <fovea/cpu/reduce/args.h>
#include <fovea/cpu/reduce_grad/args.h>
#include <fovea/ops/arithmetic.h>
#include <fovea/ops/broadcast.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/arg_reduce/table.h>
#  include <fovea/cpu/reduce/table.h>
#  include <fovea/cpu/reduce_grad/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
// The output's shape, with and without the reduced dimensions as 1, and how many elements go into each output.
struct ReducePlan {
  Shape kept, out;
  std::int64_t count = 1;

  ReducePlan(const char* op, const Shape& x, const std::vector<int>& axes, bool keepdim) : kept(x) {
    std::array<bool, Shape::kMaxRank> gone{};
    for (const int axis : axes) {
      bool& g = gone[static_cast<std::size_t>(check_axis(op, x, axis))];
      if (g) fail(op, ": axis ", axis, " of input ", x, " is named twice");
      g = true;
    }
    std::vector<std::int64_t> left;
    for (int d = 0; d < x.rank(); ++d) {
      if (axes.empty() || gone[static_cast<std::size_t>(d)]) {
        kept = kept.with(d, 1);
        count *= x[d];
      } else {
        left.push_back(x[d]);
      }
    }
    out = keepdim ? kept : Shape(std::span<const std::int64_t>(left));
  }
};

inline Attributes reduce_attributes(const std::vector<int>& axes, bool keepdim) {
  return {{"axes", std::vector<std::int64_t>(axes.begin(), axes.end())}, {"keepdim", std::int64_t{keepdim}}};
}

template <class T>
void reduce(const Tensor<T>& x, const ReducePlan& plan, ReduceArgs<T> args) {
  const ReduceDims dims(x.shape(), plan.kept);
  args.kept = dims.kept, args.reduced = dims.reduced, args.x = x.data();
  choose(args, x.device()).run(args);
}

// dx = scale(o) * (x - centre(o)), or scale(o) * sign(x).
template <class T>
Tensor<T> reduce_gradient(const Tensor<T>& x, const Shape& kept, const std::vector<double>& scale, bool sign,
                          const std::vector<double>& centre = {}) {
  Tensor<T> dx(x.shape(), uninitialized, x.device());
  if (dx.numel() == 0) return dx;
  ReduceGradArgs<T> args = {.rank = std::max(1, x.rank()),
                            .stride = broadcast_strides(kept, x.shape()),
                            .sign = sign,
                            .scale = scale.data(),
                            .centre = centre.empty() ? nullptr : centre.data(),
                            .x = x.data(),
                            .dx = dx.mutable_data()};
  args.size[0] = 1;
  for (int d = 0; d < x.rank(); ++d) args.size[static_cast<std::size_t>(d)] = x.size(d);
  choose(args, x.device()).run(args);
  return dx;
}

// scale * sum, whose gradient is dy repeated.
template <class T>
requires is_floating<T> Tensor<T> scaled_sum(const char* op, const Tensor<T>& x, const std::vector<int>& axes,
                                             bool keepdim, bool is_mean) {
  check_defined(op, "input", x);
  const ReducePlan plan(op, x.shape(), axes, keepdim);
  const double scale = is_mean ? 1 / static_cast<double>(plan.count) : 1;
  Tensor<T> y(plan.out, uninitialized, x.device());
  reduce(x, plan, {.scale = scale, .y = y.mutable_data()});
  return record(
      op, [&] { return reduce_attributes(axes, keepdim); }, {x.id()}, y,
      [id = x.id(), shape = x.shape(), kept = plan.kept, scale](Gradients& g, const Tensor<T>& dy) {
        g.add(id, broadcast_to(times(dy, scale).reshape(kept), shape));
      });
}

// The largest or smallest elements; keeps where they are.
template <class T>
requires is_floating<T> Tensor<T> extreme(const char* op, bool smallest, const Tensor<T>& x,
                                          const std::vector<int>& axes, bool keepdim) {
  check_defined(op, "input", x);
  const ReducePlan plan(op, x.shape(), axes, keepdim);
  if (plan.count == 0) fail(op, ": input ", x.shape(), " has no element to choose from");
  const ReduceDims dims(x.shape(), plan.kept);
  Tensor<std::int64_t> index(plan.out, uninitialized, x.device());
  const ArgReduceArgs<T> args = {
      .smallest = smallest, .kept = dims.kept, .reduced = dims.reduced, .x = x.data(), .index = index.mutable_data()};
  choose(args, x.device()).run(args);
  Tensor<T> y(plan.out, uninitialized, x.device());
  for (std::int64_t i = 0; i < y.numel(); ++i) y.mutable_data()[i] = x.data()[index.data()[i]];
  return record(
      op, [&] { return reduce_attributes(axes, keepdim); }, {x.id()}, y,
      [id = x.id(), shape = x.shape(), index](Gradients& g, const Tensor<T>& dy) {
        Tensor<T> dx(shape);
        T* to = dx.mutable_data();
        for (std::int64_t i = 0; i < dy.numel(); ++i) to[index.data()[i]] = dy.data()[i];
        g.add(id, dx);
      });
}

// A norm: the square root of the sum of squares, or the sum of magnitudes.
template <class T>
requires is_floating<T> Tensor<T> norm_of(const char* op, bool squares, const Tensor<T>& x,
                                          const std::vector<int>& axes, bool keepdim) {
  check_defined(op, "input", x);
  const ReducePlan plan(op, x.shape(), axes, keepdim);
  Tensor<T> y(plan.out, uninitialized, x.device());
  reduce(x, plan, {.op = squares ? ReduceOp::square_sum : ReduceOp::abs_sum, .root = squares, .y = y.mutable_data()});
  return record(
      op, [&] { return reduce_attributes(axes, keepdim); }, {x.id()}, y,
      [id = x.id(), kept = plan.kept, squares, x_kept = Saved<T>(x, "norm: input"),
       y_kept = saved_if(squares, y, "norm: output")](Gradients& g, const Tensor<T>& dy) {
        std::vector<double> scale(static_cast<std::size_t>(dy.numel()));
        for (std::size_t o = 0; o < scale.size(); ++o) {
          const double n = squares ? static_cast<double>(y_kept.get().data()[o]) : 1;
          scale[o] = n == 0 ? 0 : static_cast<double>(dy.data()[o]) / n;
        }
        g.add(id, reduce_gradient(x_kept.get(), kept, scale, !squares));
      });
}

// Variance, or its root; two passes: the means, then the squares around them.
template <class T>
requires is_floating<T> Tensor<T> variance(const char* op, bool root, const Tensor<T>& x, const std::vector<int>& axes,
                                           int correction, bool keepdim) {
  check_defined(op, "input", x);
  const ReducePlan plan(op, x.shape(), axes, keepdim);
  const double n = static_cast<double>(plan.count), divisor = std::max(0.0, n - correction);
  std::vector<double> means(static_cast<std::size_t>(plan.out.numel()));
  reduce(x, plan, {.scale = 1 / n, .wide = means.data()});
  Tensor<T> y(plan.out, uninitialized, x.device());
  reduce(x, plan,
         {.op = ReduceOp::centred_square_sum,
          .scale = 1 / divisor,
          .root = root,
          .centre = means.data(),
          .y = y.mutable_data()});
  const auto attributes = [&] {
    Attributes a = reduce_attributes(axes, keepdim);
    a.emplace_back("correction", std::int64_t{correction});
    return a;
  };
  return record(op, attributes, {x.id()}, y,
                [id = x.id(), kept = plan.kept, root, divisor, means, x_kept = Saved<T>(x, "var: input"),
                 y_kept = saved_if(root, y, "std_dev: output")](Gradients& g, const Tensor<T>& dy) {
                  std::vector<double> scale(static_cast<std::size_t>(dy.numel()));
                  for (std::size_t o = 0; o < scale.size(); ++o) {
                    const double s = root ? static_cast<double>(y_kept.get().data()[o]) : 0.5;
                    scale[o] = s == 0 ? 0 : static_cast<double>(dy.data()[o]) / (divisor * s);
                  }
                  g.add(id, reduce_gradient(x_kept.get(), kept, scale, false, means));
                });
}
}  // namespace detail

template <class T>
Tensor<T> sum(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::scaled_sum("sum", x, axes, keepdim, false);
}
// The arithmetic mean; of nothing NaN.
template <class T>
Tensor<T> mean(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::scaled_sum("mean", x, axes, keepdim, true);
}
// The largest and smallest element; a NaN wins. The gradient goes to the first of equals. Errors: nothing to choose
// from.
template <class T>
Tensor<T> amax(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::extreme("amax", false, x, axes, keepdim);
}
template <class T>
Tensor<T> amin(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::extreme("amin", true, x, axes, keepdim);
}
// sqrt(sum of x^2), and the sum of |x|; the slope at 0 is 0.
template <class T>
Tensor<T> norm(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::norm_of("norm", true, x, axes, keepdim);
}
template <class T>
Tensor<T> l1_norm(const Tensor<T>& x, const std::vector<int>& axes = {}, bool keepdim = false) {
  return detail::norm_of("l1_norm", false, x, axes, keepdim);
}
// sum of (x - mean)^2 / (n - correction), and its root (PyTorch's std). correction 1: the unbiased estimate of a
// sample, 0: the variance itself. NaN where n <= correction.
template <class T>
Tensor<T> var(const Tensor<T>& x, const std::vector<int>& axes = {}, int correction = 1, bool keepdim = false) {
  return detail::variance("var", false, x, axes, correction, keepdim);
}
template <class T>
Tensor<T> std_dev(const Tensor<T>& x, const std::vector<int>& axes = {}, int correction = 1, bool keepdim = false) {
  return detail::variance("std_dev", true, x, axes, correction, keepdim);
}

}  // namespace fovea::inline FOVEA_ABI
