// cross_entropy and nll_loss: losses of class scores. Layer ops; formulas in cpu/cross_entropy/.
//
// Scores: any leading dimensions, then C (N C, or N H W C of a segmentation); labels: the leading dimensions. A loss
// has type master_t<T>, at least float; everything is computed in double.
#pragma once

#include <cmath>

#include <fovea/core/record.h>
#include <fovea/cpu/cross_entropy/args.h>
#include <fovea/ops/check.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/cross_entropy/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

// What becomes of the losses of the elements (rows, for class scores): all of them, their mean, their sum, or the sum
// divided by the size of the first dimension.
enum class Reduction : std::uint8_t { none, mean, sum, batchmean };
inline constexpr const char* name_of(Reduction r) {
  constexpr const char* names[] = {"none", "mean", "sum", "batchmean"};
  return names[static_cast<std::size_t>(r)];
}

template <class M>
struct CrossEntropyOptions {
  Tensor<M> weight = {};             // of each class, C; undefined: 1
  std::int64_t ignore_index = -100;  // rows with this label count for nothing
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  // in [0, 1]
};

template <class M>
struct NllLossOptions {
  Tensor<M> weight = {};
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

namespace detail {
// What a loss of rows keeps: the scores and, of logits, a double a row; never the probabilities.
template <class T>
struct CrossEntropyCall {
  const char* op;
  Saved<T> x;
  Saved<std::int64_t> labels;
  Saved<master_t<T>> soft, weight;
  Tensor<double> log_sum;  // undefined for log-probabilities
  std::int64_t ignore_index;
  double smoothing;

  CrossEntropyRows<T> rows() const {
    const Tensor<T>& scores = x.get();
    const std::int64_t classes = scores.size(-1);
    return {.rows = classes == 0 ? 0 : scores.numel() / classes,
            .classes = classes,
            .x = scores.data(),
            .log_probabilities = !log_sum.defined(),
            .labels = labels ? labels.get().data() : nullptr,
            .soft = soft ? soft.get().data() : nullptr,
            .weight = weight ? weight.get().data() : nullptr,
            .ignore_index = ignore_index,
            .smoothing = smoothing};
  }
};

template <class T>
void check_scores(const char* op, const Tensor<T>& x, const Tensor<master_t<T>>& weight, double smoothing) {
  check_defined(op, "input", x);
  if (x.rank() < 1 || x.size(-1) < 1) fail(op, ": input ", x.shape(), ", scores of C >= 1 classes are wanted");
  if (weight.defined()) check_channels(op, x, "weight", weight);
  if (!(smoothing >= 0 && smoothing <= 1)) fail(op, ": label_smoothing ", smoothing, ", a number in [0, 1] is wanted");
}

// The labels fit the scores, each the index of a class or ignore_index.
template <class T>
void check_labels(const char* op, const Tensor<T>& x, const Tensor<std::int64_t>& labels, std::int64_t ignore_index) {
  check_defined(op, "target", labels);
  const Shape wanted(x.shape().sizes().first(static_cast<std::size_t>(x.rank() - 1)));
  if (labels.shape() != wanted)
    fail(op, ": input ", x.shape(), " wants labels ", wanted, ", target is ", labels.shape());
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const std::int64_t label = labels.data()[i];
    if (label != ignore_index && (label < 0 || label >= x.size(-1)))
      fail(op, ": label ", label, " of row ", i, ", the input has ", x.size(-1), " classes");
  }
}

// What `mean` divides by: the weights of the kept labels (PyTorch's rule), or the rows of soft labels.
template <class T>
double loss_weight(const CrossEntropyRows<T>& a) {
  if (!a.labels) return static_cast<double>(a.rows);
  double sum = 0;
  for (std::int64_t i = 0; i < a.rows; ++i)
    if (a.labels[i] != a.ignore_index) sum += a.weight ? static_cast<double>(a.weight[a.labels[i]]) : 1.0;
  return sum;
}

template <class T>
Tensor<T> cross_entropy_gradient(const CrossEntropyCall<T>& call, const Tensor<master_t<T>>& dy, double scale) {
  const Tensor<T>& x = call.x.get();
  Tensor<T> dx(x.shape(), uninitialized, x.device());
  const CrossEntropyGradArgs<T> args = {.in = call.rows(),
                                        .log_sum = call.log_sum.data(),
                                        .dy = dy.data(),
                                        .dy_step = dy.rank() > 0 ? 1 : 0,
                                        .scale = scale,
                                        .dx = dx.mutable_data()};
  choose(args, x.device()).run(args);
  return dx;
}

// Runs the rows, reduces them and records the way back to x.
template <class T, class F>
Tensor<master_t<T>> cross_entropy_run(CrossEntropyCall<T> call, Reduction reduction, F&& attributes) {
  using M = master_t<T>;
  const Tensor<T> x = call.x.get();
  const CrossEntropyRows<T> in = call.rows();
  Tensor<double> losses(Shape{in.rows}, uninitialized);
  const CrossEntropyArgs<T> args = {
      .in = in, .log_sum = in.log_probabilities ? nullptr : call.log_sum.mutable_data(), .loss = losses.mutable_data()};
  choose(args, x.device()).run(args);

  const bool each = reduction == Reduction::none;
  double scale = 1;
  if (reduction == Reduction::mean) scale = 1 / loss_weight(in);
  if (reduction == Reduction::batchmean) scale = 1 / static_cast<double>(x.rank() > 1 ? x.size(0) : 1);
  Tensor<M> y(each ? Shape(x.shape().sizes().first(static_cast<std::size_t>(x.rank() - 1))) : Shape{});
  double sum = 0;
  for (std::int64_t i = 0; i < in.rows; ++i) {
    if (each) y.mutable_data()[i] = static_cast<M>(losses.data()[i]);
    sum += losses.data()[i];
  }
  if (!each) y.mutable_data()[0] = static_cast<M>(sum * scale);
  return record(call.op, attributes, {x.id()}, y,
                [id = x.id(), call = std::move(call), scale](Gradients& g, const Tensor<M>& dy) {
                  g.add(id, cross_entropy_gradient(call, dy, scale));
                });
}

template <class T>
Attributes cross_entropy_attributes(const CrossEntropyOptions<T>& o) {
  return {{"reduction", std::string(name_of(o.reduction))},
          {"ignore_index", o.ignore_index},
          {"label_smoothing", o.label_smoothing}};
}
template <class T>
Tensor<double> empty_log_sums(const Tensor<T>& x) {
  return Tensor<double>(Shape{x.numel() / x.size(-1)}, uninitialized);
}
}  // namespace detail

// -log softmax(x)[target], with the log-softmax inside (Goodfellow, Bengio and Courville 2016, 6.2.2). With label
// smoothing s the target is (1 - s) onehot + s / C (Szegedy et al. 2016). `mean` divides by the sum of the class
// weights of the kept labels, as PyTorch does: with no row kept it is NaN. Errors: labels outside [0, C) but
// ignore_index.
template <class T>
requires is_floating<T> Tensor<master_t<T>> cross_entropy(const Tensor<T>& x, const Tensor<std::int64_t>& target,
                                                          const CrossEntropyOptions<master_t<T>>& options = {}) {
  detail::check_scores("cross_entropy", x, options.weight, options.label_smoothing);
  detail::check_labels("cross_entropy", x, target, options.ignore_index);
  return detail::cross_entropy_run<T>({.op = "cross_entropy",
                                       .x = Saved<T>(x, "cross_entropy: input"),
                                       .labels = Saved<std::int64_t>(target, "cross_entropy: target"),
                                       .soft = {},
                                       .weight = Saved<master_t<T>>(options.weight, "cross_entropy: weight"),
                                       .log_sum = detail::empty_log_sums(x),
                                       .ignore_index = options.ignore_index,
                                       .smoothing = options.label_smoothing},
                                      options.reduction, [&] { return detail::cross_entropy_attributes(options); });
}

// The same with soft labels (mixup, cutmix, distillation): a probability of each class, of x's shape. `mean` divides by
// the rows. No gradient passes to the labels; ignore_index has no meaning.
template <class T>
requires is_floating<T> Tensor<master_t<T>> cross_entropy(const Tensor<T>& x, const Tensor<master_t<T>>& target,
                                                          const CrossEntropyOptions<master_t<T>>& options = {}) {
  detail::check_scores("cross_entropy", x, options.weight, options.label_smoothing);
  detail::check_defined("cross_entropy", "target", target);
  if (target.shape() != x.shape())
    fail("cross_entropy: input ", x.shape(), " wants soft labels of its shape, target is ", target.shape());
  return detail::cross_entropy_run<T>({.op = "cross_entropy",
                                       .x = Saved<T>(x, "cross_entropy: input"),
                                       .labels = {},
                                       .soft = Saved<master_t<T>>(target, "cross_entropy: target"),
                                       .weight = Saved<master_t<T>>(options.weight, "cross_entropy: weight"),
                                       .log_sum = detail::empty_log_sums(x),
                                       .ignore_index = options.ignore_index,
                                       .smoothing = options.label_smoothing},
                                      options.reduction, [&] { return detail::cross_entropy_attributes(options); });
}

// -x[target] of log-probabilities x (a log_softmax). Options and errors as of cross_entropy.
template <class T>
requires is_floating<T> Tensor<master_t<T>> nll_loss(const Tensor<T>& x, const Tensor<std::int64_t>& target,
                                                     const NllLossOptions<master_t<T>>& options = {}) {
  detail::check_scores("nll_loss", x, options.weight, 0);
  detail::check_labels("nll_loss", x, target, options.ignore_index);
  return detail::cross_entropy_run<T>({.op = "nll_loss",
                                       .x = Saved<T>(x, "nll_loss: input"),
                                       .labels = Saved<std::int64_t>(target, "nll_loss: target"),
                                       .soft = {},
                                       .weight = Saved<master_t<T>>(options.weight, "nll_loss: weight"),
                                       .log_sum = {},
                                       .ignore_index = options.ignore_index,
                                       .smoothing = 0},
                                      options.reduction, [&] {
                                        return Attributes{{"reduction", std::string(name_of(options.reduction))},
                                                          {"ignore_index", options.ignore_index}};
                                      });
}

}  // namespace fovea::inline FOVEA_ABI
