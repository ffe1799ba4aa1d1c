// GradientSum: the gradients of several micro-batches as those of one large batch. Layer train; read clip.h first.
//
//   GradientSum sum;
//   for (const Batch& part : parts) { Tape tape(trainable(net)); sum.add(tape.backward(loss_of(part)), part.size()); }
//   optimizer.step(sum.mean());
#pragma once

#include <cmath>
#include <utility>

#include <fovea/core/gradients.h>
#include <fovea/train/clip.h>

namespace fovea::inline FOVEA_ABI {

class GradientSum {
 public:
  // Adds weight times the gradients of a mean loss; the weight is the part's number of samples where parts differ.
  // Errors: a part that watched other values than the first.
  void add(Gradients part, double weight = 1) {
    if (!(weight > 0) || std::isinf(weight)) fail("GradientSum: weight is ", weight, ", a number above 0 is wanted");
    if (weight != 1) part.for_each([&](ValueId, AnyTensor& g) { detail::scale_gradient(g, weight); });
    if (count_ == 0) {
      sum_ = std::move(part);
    } else {
      check_same_values(part);
      part.for_each([&](ValueId x, const AnyTensor& g) { sum_.add(x, g); });
    }
    ++count_;
    weight_ += weight;
  }

  int count() const { return count_; }

  // The sum over the weights' sum; empty again afterwards.
  Gradients mean() {
    if (count_ == 0) fail("GradientSum: nothing was added since the last mean");
    if (weight_ != 1) sum_.for_each([&](ValueId, AnyTensor& g) { detail::scale_gradient(g, 1 / weight_); });
    count_ = 0, weight_ = 0;
    return std::exchange(sum_, {});
  }

 private:
  void check_same_values(const Gradients& part) const {
    std::int64_t ours = 0, theirs = 0;
    sum_.for_each([&](ValueId, const AnyTensor&) { ++ours; });
    part.for_each([&](ValueId x, const AnyTensor& g) {
      if (!sum_.wants(x))
        fail("GradientSum: part ", count_, " has a gradient ", g.shape(), " of a value that the first lacks");
      ++theirs;
    });
    if (ours != theirs) fail("GradientSum: part ", count_, " has ", theirs, " gradients, the first has ", ours);
  }

  Gradients sum_;
  int count_ = 0;
  double weight_ = 0;
};

}  // namespace fovea::inline FOVEA_ABI
