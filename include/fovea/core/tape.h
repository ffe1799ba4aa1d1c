// Tape: records what happens to the values that it watches, and runs back over it. Layer core; read tensor.h first.
//
//   Tape tape(trainable(net));                      // freezing is not watching
//   const Tensor<float> loss = cross_entropy(net(x), labels);
//   const Gradients gradients = tape.backward(loss);
//   gradients.of(net.fc.weight);                    // dloss/dweight
//
// An op is recorded only if one of its inputs depends on a watched value: a frozen backbone keeps no activation, and
// tensors need no flag. A tape lives for one step on its thread; ops of all element types share it.
#pragma once

#include <cstdio>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fovea/core/gradients.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
void record_view(const ViewRecord& v);  // core/record.h
}

class Tape {
 public:
  // Watches nothing yet.
  Tape() {
    if (running_back_) fail("Tape: gradients of gradients are not supported; make the tape after backward has ended");
    if (current_) fail("Tape: this thread has one already; it lives for one step");
    current_ = this;
    detail::on_view = detail::record_view;
  }
  explicit Tape(const std::vector<NamedTensor>& watched) : Tape() {
    for (const NamedTensor& w : watched) watch(w.tensor, w.name);
  }
  Tape(std::initializer_list<AnyTensor> watched) : Tape() {
    for (const AnyTensor& w : watched) watch(w);
  }
  // Inside a backward function that computes a part of the net again (core/checkpoint.h): watches what `outer` watches.
  explicit Tape(const Gradients& outer) : nested_(true) {
    for (const auto& [id, v] : outer.values_)
      if (v.watched) gradients_.values_.emplace(id, v);
    current_ = this;
  }
  ~Tape() {
    if (current_ == this) current_ = nullptr;
    while (!steps_.empty()) steps_.pop_back();
  }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  static Tape* current() { return current_; }

  // Asks for the gradient of x, from here on: also of a value that an op has just given.
  void watch(const AnyTensor& x, std::string name = {}) {
    if (!x.defined()) fail("Tape: an undefined tensor is watched");
    if (!is_floating_type(x.dtype()))
      fail("Tape: a tensor ", x.dtype(), " ", x.shape(), " is watched; floating types have gradients");
    detail::TapedValue& v = gradients_.values_[x.id()];
    if (name.empty()) name = v.name.empty() ? x.storage().label() : v.name;
    if (detail::check_finite())
      detail::require_finite("Tape", "the watched " + (name.empty() ? "value" : name), x,
                             ", before the step: look at the optimizer, or the file that was loaded");
    v = {x.dtype(), x.shape(), true, std::move(name)};
  }

  // Whether x is watched or depends on a watched value.
  bool wants(ValueId x) const { return gradients_.wants(x); }

  // The name of a watched value; empty if it has none, or is not watched.
  const std::string& name(ValueId x) const {
    static const std::string none;
    const auto found = gradients_.values_.find(x);
    return found == gradients_.values_.end() ? none : found->second.name;
  }
  // Whether a tape of this thread runs back now.
  static bool running_back() { return running_back_; }

  // Gradients of a loss of one element, with dloss/dloss = 1. Errors: a loss that depends on nothing watched; a second
  // use.
  template <class T>
  Gradients backward(const Tensor<T>& loss) {
    if (loss.numel() != 1)
      fail("backward: the loss has shape ", loss.shape(), ", one element is wanted (or the gradient of each)");
    return backward(loss, Tensor<T>(loss.shape(), T(1)));
  }
  // The same of sum(y * dy).
  template <class T>
  Gradients backward(const Tensor<T>& y, const Tensor<T>& dy) {
    return run_back(AnyTensor(y), AnyTensor(dy));
  }

  // For record(): keeps the way back from `output` of `op`, which depends on a watched value.
  void add(const char* op, ValueId output, DType dtype, const Shape& shape,
           std::function<void(Gradients&, const AnyTensor&)> back) {
    gradients_.values_.try_emplace(output, detail::TapedValue{dtype, shape, false, {}});
    steps_.push_back({op, output, std::move(back)});
  }

 private:
  friend class NoTape;
  struct Step {
    const char* op;
    ValueId output;
    std::function<void(Gradients&, const AnyTensor&)> back;
  };

  Gradients run_back(const AnyTensor& y, const AnyTensor& dy) {
    if (used_)
      fail(
          "backward: this tape was used already; make a new one for the next step (gradients of gradients are not "
          "supported)");
    if (current_ != this) fail("backward: this tape is not the thread's current one");
    if (!wants(y.id())) fail("backward: the loss ", y.shape(), " depends on no watched value");
    if (y.shape() != dy.shape()) fail("backward: value ", y.shape(), ", its gradient ", dy.shape());
    used_ = true;
    current_ = nullptr;
    const RunningBack running;
    gradients_.op_ = "loss";
    gradients_.add(y.id(), dy);
    // Popping a step frees what its function kept.
    for (; !steps_.empty(); steps_.pop_back()) step_back(steps_.back());
    finish();
    return std::move(gradients_);
  }

  void step_back(const Step& step) {
    const auto found = gradients_.by_id_.find(step.output);
    if (found == gradients_.by_id_.end()) return;
    const AnyTensor dy = found->second;
    if (!gradients_.values_.at(step.output).watched) gradients_.by_id_.erase(found);
    gradients_.op_ = step.op;
    step.back(gradients_, dy);
  }

  // Watched values that reach no loss have a gradient of zeros, and a warning.
  void finish() {
    std::string names;
    int unreached = 0;
    for (const auto& [id, v] : gradients_.values_) {
      if (!v.watched || gradients_.by_id_.contains(id) || nested_) continue;
      gradients_.by_id_[id] = AnyTensor::zeros(v.dtype, v.shape);
      if (++unreached <= 3) names += (names.empty() ? "" : ", ") + (v.name.empty() ? to_text(v.shape) : v.name);
    }
    if (unreached > 0)
      std::fprintf(stderr, "fovea: backward: %d watched value%s not reach the loss, gradient 0: %s%s\n", unreached,
                   unreached == 1 ? " does" : "s do", names.c_str(), unreached > 3 ? ", ..." : "");
  }

  struct RunningBack {
    bool outer = std::exchange(running_back_, true);
    ~RunningBack() { running_back_ = outer; }
  };

  static inline thread_local Tape* current_ = nullptr;
  static inline thread_local bool running_back_ = false;
  Gradients gradients_;
  std::vector<Step> steps_;
  bool used_ = false, nested_ = false;
};

// Pauses recording on this thread while it is alive (PyTorch's no_grad): what runs inside depends on nothing watched.
class NoTape {
 public:
  NoTape() : outer_(std::exchange(Tape::current_, nullptr)) {}
  ~NoTape() { Tape::current_ = outer_; }
  NoTape(const NoTape&) = delete;
  NoTape& operator=(const NoTape&) = delete;

 private:
  Tape* outer_;
};

// Whether the tape of this thread will ask for the gradient of x: what a backward function does not need, it must not
// keep.
template <class T>
bool wanted(const Tensor<T>& x) {
  const Tape* tape = Tape::current();
  return tape && tape->wants(x.id());
}

// A tensor that a backward function keeps. Changing its storage in place before the way back is an error that names it.
template <class T>
class Saved {
 public:
  Saved() = default;
  explicit Saved(const char* what) : what_(what) {}
  // `what` names it in the error: "conv2d: weight".
  Saved(const Tensor<T>& x, const char* what) : x_(x), what_(what), version_(x.defined() ? x.storage().version() : 0) {}

  bool defined() const { return x_.defined(); }
  explicit operator bool() const { return defined(); }
  // Errors: nothing was kept, because the value that asks was watched only after the op had run.
  const Tensor<T>& get() const {
    if (!x_.defined()) fail("backward: ", what_, " was not kept; watch a value before the ops that read it");
    if (x_.storage().version() != version_)
      fail("backward: ", what_, " ", x_.shape(), x_.storage().label().empty() ? "" : " (" + x_.storage().label() + ")",
           " was changed in place after the op that keeps it for its gradient");
    return x_;
  }

 private:
  Tensor<T> x_;
  const char* what_ = "";
  std::uint64_t version_ = 0;
};

// Keeps x only if `keep`.
template <class T>
Saved<T> saved_if(bool keep, const Tensor<T>& x, const char* what) {
  return keep ? Saved<T>(x, what) : Saved<T>(what);
}

}  // namespace fovea::inline FOVEA_ABI

#include <fovea/core/record.h>
