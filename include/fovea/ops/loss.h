// Losses of two tensors of one shape, and distillation. Layer ops; cross_entropy.h has those of class labels, formulas
// are in cpu/element_loss/reference.h.
//
// A loss has type master_t<T>, at least float; it is computed and summed in double. Gradients pass to both operands but
// where it is said. Errors: shapes that differ (nothing is broadcast), an option out of range.
#pragma once

#include <vector>

#include <fovea/core/record.h>
#include <fovea/cpu/distillation/args.h>
#include <fovea/cpu/element_loss/args.h>
#include <fovea/ops/check.h>
#include <fovea/ops/cross_entropy.h>
#if !defined(FOVEA_COMPILED)
#  include <fovea/cpu/distillation/table.h>
#  include <fovea/cpu/element_loss/table.h>
#endif

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class T>
struct ElementLossCall {
  ElementLoss function;
  double a = 0, b = 0;
  Saved<T> x, t;
  Saved<master_t<T>> pos_weight;

  ElementLossPair<T> pair() const {
    return {.function = function,
            .a = a,
            .b = b,
            .count = x.get().numel(),
            .channels = pos_weight ? pos_weight.get().numel() : 1,
            .x = x.get().data(),
            .t = t.get().data(),
            .pos_weight = pos_weight ? pos_weight.get().data() : nullptr};
  }
};

// The sum of all elements' losses; `each`, if not null, gets them one by one.
template <class T>
double element_loss_sum(const ElementLossPair<T>& pair, master_t<T>* each, Device device) {
  ElementLossArgs<T> args = {.in = pair, .each = each};
  std::vector<double> sums(static_cast<std::size_t>(args.work()));
  args.sums = sums.data();
  choose(args, device).run(args);
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

inline double reduction_scale(Reduction reduction, const Shape& shape) {
  if (reduction == Reduction::mean) return 1 / static_cast<double>(shape.numel());
  if (reduction == Reduction::batchmean) return 1 / static_cast<double>(shape.rank() > 0 ? shape[0] : 1);
  return 1;
}

template <class T>
Tensor<master_t<T>> element_loss(ElementLoss f, const Tensor<T>& x, const Tensor<T>& t, Reduction reduction,
                                 double a = 0, double b = 0, const Tensor<master_t<T>>& pos_weight = {}) {
  using M = master_t<T>;
  check_defined(name_of(f), "input", x);
  check_defined(name_of(f), "target", t);
  if (x.shape() != t.shape()) fail(name_of(f), ": input ", x.shape(), ", target ", t.shape(), ": they must be equal");
  ElementLossCall<T> call = {.function = f,
                             .a = a,
                             .b = b,
                             .x = Saved<T>(x, "loss: input"),
                             .t = Saved<T>(t, "loss: target"),
                             .pos_weight = Saved<M>(pos_weight, "loss: pos_weight")};
  const bool all = reduction == Reduction::none;
  const double scale = reduction_scale(reduction, x.shape());
  Tensor<M> y(all ? x.shape() : Shape{});
  const double sum = element_loss_sum(call.pair(), all ? y.mutable_data() : nullptr, x.device());
  if (!all) y.mutable_data()[0] = static_cast<M>(sum * scale);
  const auto attributes = [&] {
    return Attributes{{"reduction", std::string(name_of(reduction))}, {"a", a}, {"b", b}};
  };
  return record(name_of(f), attributes, {x.id(), t.id()}, y,
                [xi = x.id(), ti = t.id(), call = std::move(call), scale](Gradients& g, const Tensor<M>& dy) {
                  const Tensor<T>& like = call.x.get();
                  Tensor<T> dx, dt;
                  if (g.wants(xi)) dx = Tensor<T>(like.shape(), uninitialized, like.device());
                  if (g.wants(ti)) dt = Tensor<T>(like.shape(), uninitialized, like.device());
                  const ElementLossGradArgs<T> args = {.in = call.pair(),
                                                       .dy = dy.data(),
                                                       .dy_step = dy.numel() == like.numel() ? 1 : 0,
                                                       .scale = scale,
                                                       .dx = dx ? dx.mutable_data() : nullptr,
                                                       .dt = dt ? dt.mutable_data() : nullptr};
                  choose(args, like.device()).run(args);
                  if (dx) g.add(xi, dx);
                  if (dt) g.add(ti, dt);
                });
}
}  // namespace detail

// (x - target)^2.
template <class T>
Tensor<master_t<T>> mse_loss(const Tensor<T>& x, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  return detail::element_loss(ElementLoss::mse, x, target, reduction);
}

// |x - target|; slope 0 where they are equal.
template <class T>
Tensor<master_t<T>> l1_loss(const Tensor<T>& x, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  return detail::element_loss(ElementLoss::l1, x, target, reduction);
}

// d^2 / (2 beta) where |d| = |x - target| < beta, |d| - beta / 2 elsewhere (Girshick 2015); beta 0 is l1_loss.
template <class T>
Tensor<master_t<T>> smooth_l1_loss(const Tensor<T>& x, const Tensor<T>& target, double beta = 1,
                                   Reduction reduction = Reduction::mean) {
  if (!(beta >= 0)) fail("smooth_l1_loss: beta ", beta, ", a number >= 0 is wanted");
  return detail::element_loss(ElementLoss::smooth_l1, x, target, reduction, beta);
}

// d^2 / 2 where |d| = |x - target| < delta, delta (|d| - delta / 2) elsewhere (Huber 1964).
template <class T>
Tensor<master_t<T>> huber_loss(const Tensor<T>& x, const Tensor<T>& target, double delta = 1,
                               Reduction reduction = Reduction::mean) {
  if (!(delta > 0)) fail("huber_loss: delta ", delta, ", a number > 0 is wanted");
  return detail::element_loss(ElementLoss::huber, x, target, reduction, delta);
}

// -(w target log sigmoid(x) + (1 - target) log(1 - sigmoid(x))) of logits x and probabilities `target`; pos_weight w:
// one number a channel (last dimension), or undefined for 1.
template <class T>
Tensor<master_t<T>> binary_cross_entropy_with_logits(const Tensor<T>& x, const Tensor<T>& target,
                                                     Reduction reduction = Reduction::mean,
                                                     const Tensor<master_t<T>>& pos_weight = {}) {
  constexpr ElementLoss f = ElementLoss::bce_with_logits;
  detail::check_defined(name_of(f), "input", x);
  if (pos_weight.defined()) detail::check_channels(name_of(f), x, "pos_weight", pos_weight);
  return detail::element_loss(f, x, target, reduction, 0, 0, pos_weight);
}

// target (log target - x) of log-probabilities x, 0 where target is 0; with log_target the target is given as its
// logarithm. The divergence is the sum over a distribution: Reduction::batchmean, while `mean` is PyTorch's default.
template <class T>
Tensor<master_t<T>> kl_div(const Tensor<T>& x, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                           bool log_target = false) {
  return detail::element_loss(log_target ? ElementLoss::kl_div_log_target : ElementLoss::kl_div, x, target, reduction);
}

// alpha_t (1 - p_t)^gamma times the binary cross entropy of logits (Lin et al. 2017, eq. 5), p_t the probability of the
// target, alpha_t = alpha for 1 and 1 - alpha for 0; alpha < 0: no alpha_t. torchvision's name and defaults.
template <class T>
Tensor<master_t<T>> sigmoid_focal_loss(const Tensor<T>& x, const Tensor<T>& target, double alpha = 0.25,
                                       double gamma = 2, Reduction reduction = Reduction::none) {
  if (!(gamma >= 0) || alpha > 1)
    fail("sigmoid_focal_loss: alpha ", alpha, ", gamma ", gamma, "; alpha <= 1 and gamma >= 0 are wanted");
  return detail::element_loss(ElementLoss::sigmoid_focal, x, target, reduction, alpha, gamma);
}

// T^2 KL(softmax(teacher / T) || softmax(student / T)), the mean of the rows (Hinton, Vinyals and Dean 2015, section 2:
// T^2 keeps the gradients' size). Logits of any leading dimensions, then C. No gradient passes to the teacher.
template <class T>
Tensor<master_t<T>> distillation_loss(const Tensor<T>& student, const Tensor<T>& teacher, double temperature = 4) {
  using M = master_t<T>;
  detail::check_scores<T>("distillation_loss", student, {}, 0);
  detail::check_defined("distillation_loss", "teacher", teacher);
  if (student.shape() != teacher.shape())
    fail("distillation_loss: student ", student.shape(), ", teacher ", teacher.shape(), ": they must be equal");
  if (!(temperature > 0)) fail("distillation_loss: temperature ", temperature, ", a number > 0 is wanted");
  const std::int64_t classes = student.size(-1), rows = student.numel() / classes;
  std::vector<double> losses(static_cast<std::size_t>(rows));
  const DistillationArgs<T> args = {.rows = rows,
                                    .classes = classes,
                                    .temperature = temperature,
                                    .student = student.data(),
                                    .teacher = teacher.data(),
                                    .loss = losses.data()};
  choose(args, student.device()).run(args);
  double sum = 0;
  for (const double l : losses) sum += l;
  const Tensor<M> y(Shape{}, static_cast<M>(sum * temperature * temperature / static_cast<double>(rows)));
  const auto back = [id = student.id(), rows, classes, temperature, s = Saved<T>(student, "distillation_loss: student"),
                     t = Saved<T>(teacher, "distillation_loss: teacher")](Gradients& g, const Tensor<M>& dy) {
    Tensor<T> dx(s.get().shape(), uninitialized, s.get().device());
    const DistillationGradArgs<T> grad = {
        .rows = rows,
        .classes = classes,
        .temperature = temperature,
        .scale = static_cast<double>(dy.item()) * temperature / static_cast<double>(rows),
        .student = s.get().data(),
        .teacher = t.get().data(),
        .dstudent = dx.mutable_data()};
    choose(grad, dx.device()).run(grad);
    g.add(id, dx);
  };
  return record(
      "distillation_loss",
      [&] {
        return Attributes{{"temperature", temperature}};
      },
      {student.id()}, y, back);
}

}  // namespace fovea::inline FOVEA_ABI
