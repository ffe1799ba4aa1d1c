// EMA: an exponential moving average of a net's tensors, which often tests better than the net (Polyak and Juditsky
// 1992). Layer train; read parameter_group.h first.
//
//   EMA average(trainable(net), {.decay = 0.999});
//   for (...) { ...; optimizer.step(gradients); average.update(); }
//   average.swap();  ... test the net ...  average.swap();   // the net's own values are back
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <fovea/train/elements.h>

namespace fovea::inline FOVEA_ABI {

struct EMAOptions {
  double decay = 0.999;
  bool warmup = false;  // update i, from 1, uses min(decay, (1 + i) / (10 + i)), as TensorFlow's moving average has it
};

class EMA {
 public:
  // Begins with the tensors' present values. Buffers may be among them; tensors other than float32 and float64 are an
  // error.
  explicit EMA(std::vector<NamedTensor> tensors, const EMAOptions& options = {}) : o_(options) {
    if (!(o_.decay >= 0 && o_.decay <= 1)) fail("EMA: decay is ", o_.decay, ", 0 to 1 is wanted");
    for (NamedTensor& t : tensors) {
      if (t.tensor.dtype() != DType::f32 && t.tensor.dtype() != DType::f64)
        fail("EMA: ", t.name, " is ", t.tensor.dtype(), ", float32 or float64 is wanted");
      AnyTensor copy = t.tensor.dtype() == DType::f32 ? AnyTensor(t.tensor.as<float>().clone())
                                                      : AnyTensor(t.tensor.as<double>().clone());
      averages_.push_back({std::move(t.name), std::move(t.tensor), std::move(copy)});
    }
  }

  // average = decay average + (1 - decay) tensor.
  void update() {
    if (swapped_) fail("EMA: update while the averages are in the net; swap back first");
    ++updates_;
    const auto i = static_cast<double>(updates_);
    const double decay = o_.warmup ? std::min(o_.decay, (1 + i) / (10 + i)) : o_.decay;
    for (Average& a : averages_) {
      if (a.tensor.dtype() == DType::f32)
        update<float>(a, decay);
      else
        update<double>(a, decay);
    }
  }

  // Exchanges the averages and the net's values.
  void swap() {
    for (Average& a : averages_) {
      std::byte* const held = a.average.mutable_data();
      std::swap_ranges(held, held + a.average.bytes(), a.tensor.mutable_data());
    }
    swapped_ = !swapped_;
  }
  bool swapped() const { return swapped_; }

  std::int64_t updates() const { return updates_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

  // Calls f(name, AnyTensor&) for the average of each tensor, under the tensor's name; f may write it.
  template <class F>
  void for_each_state(F&& f) {
    if (swapped_) fail("EMA: state asked for while the averages are in the net; swap back first");
    for (Average& a : averages_) f(std::as_const(a.name), a.average);
  }

 private:
  struct Average {
    std::string name;
    AnyTensor tensor, average;
  };

  template <class T>
  static void update(Average& a, double decay) {
    const T rate = static_cast<T>(1 - decay);
    detail::update_elements<T, 0>(a.average.numel(), reinterpret_cast<T*>(a.average.mutable_data()),
                                  reinterpret_cast<const T*>(a.tensor.data()), {},
                                  [=](T& e, T p) { e += rate * (p - e); });
  }

  EMAOptions o_;
  std::vector<Average> averages_;
  std::int64_t updates_ = 0;
  bool swapped_ = false;
};

}  // namespace fovea::inline FOVEA_ABI
