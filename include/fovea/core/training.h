// Training: the scope inside which batch norm and dropout take their training form. Layer core.
//
//   Training scope(seed, step);
//   Tape tape(trainable(net));
//   const Gradients gradients = tape.backward(cross_entropy(net(x), labels));
//   optimizer.step(gradients);
//   scope.commit();                                 // running statistics move now, once
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <fovea/core/random.h>

namespace fovea::inline FOVEA_ABI {

class Training {
 public:
  // Where the scope stands: what a checkpoint saves, so that a part of the net can run again with the same random
  // numbers.
  struct State {
    std::uint64_t seed = 0, step = 0, calls = 0;
  };

  explicit Training(std::uint64_t seed, std::uint64_t step = 0);
  // Runs a part again: the same random numbers, and no statistics are filed.
  explicit Training(const State& replayed) : state_(replayed), replay_(true), outer_(std::exchange(current_, this)) {}
  ~Training() { current_ = outer_; }
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  static Training* current() { return current_; }
  const State& state() const { return state_; }

  // The stream of the next random op: addressed by seed, step and the ordinal of the call, so that the same program
  // draws the same numbers on every machine.
  Philox next_stream() { return Philox(state_.seed, (state_.step << kCallBits) | state_.calls++); }

  // Batch norm files its statistics; forward writes no buffer. At commit: buffer = (1 - momentum) buffer + momentum
  // value.
  template <class M>
  void file(const Tensor<M>& buffer, std::vector<double> value, double momentum) {
    if (!replay_) filed_.push_back({buffer, std::move(value), momentum});
  }
  // Applies what was filed, in order, and forgets it. A scope that ends without commit leaves the buffers as they were.
  void commit() {
    for (Filed& f : filed_) with_floating(f.buffer.dtype(), [&]<class M>(M) { apply<M>(f); });
    filed_.clear();
  }

 private:
  static constexpr int kCallBits = 24;
  struct Filed {
    AnyTensor buffer;
    std::vector<double> value;
    double momentum;
  };
  template <class M>
  static void apply(Filed& f) {
    M* b = reinterpret_cast<M*>(f.buffer.mutable_data());
    for (std::size_t i = 0; i < f.value.size(); ++i)
      b[i] = static_cast<M>((1 - f.momentum) * static_cast<double>(b[i]) + f.momentum * f.value[i]);
  }

  static inline thread_local Training* current_ = nullptr;
  State state_;
  bool replay_ = false;
  std::vector<Filed> filed_;
  Training* outer_;
};

inline Training::Training(std::uint64_t seed, std::uint64_t step)
    : state_{.seed = seed, .step = step}, outer_(current_) {
  if (current_) fail("Training: this thread is in a Training scope already");
  current_ = this;
}

}  // namespace fovea::inline FOVEA_ABI
