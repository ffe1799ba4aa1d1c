// What all explanations ask: which class's logit is explained, of one photo; how far the work is. Layer explain; read
// explainer.h first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>

#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

// Called on the thread that explains, after each part of the work: parts done, and how many are planned by now.
using ExplainProgress = std::function<void(std::int64_t done, std::int64_t planned)>;

namespace detail {

// x: one photo as the network takes it, 1 H W C.
template <Element T>
void check_one_photo(const char* method, const Tensor<T>& x) {
  if (x.rank() != 4 || x.size(0) != 1 || x.numel() == 0)
    fail(method, ": input of shape ", x.shape(), ", one photo 1 H W C is wanted");
}

// A network that overflows, or has NaN among its weights, says nothing that could be explained. logits: N classes.
template <Element T>
void check_finite(const char* method, const Tensor<T>& logits) {
  const auto values = logits.values();
  const auto bad = std::find_if(values.begin(), values.end(), [](T v) { return !std::isfinite(v); });
  if (bad != values.end())
    fail_as(Code::bad_data, method, ": the logit of class ", (bad - values.begin()) % logits.size(1), " is ", *bad,
            "; are all weights finite? `fovea info FILE --stats` counts those that are not");
}

// The class to explain: `index`, or the one with the largest logit; of equals the lowest. logits: 1 classes, finite.
template <Element T>
std::int64_t explained_class(const char* method, const Tensor<T>& logits, std::optional<std::int64_t> index) {
  if (logits.rank() != 2 || logits.size(0) != 1 || logits.numel() == 0)
    fail(method, ": the network gives ", logits.shape(), ", logits 1 x classes are wanted");
  check_finite(method, logits);
  const auto values = logits.values();
  const std::int64_t best = std::max_element(values.begin(), values.end()) - values.begin();
  const std::int64_t chosen = index.value_or(best);
  if (chosen < 0 || chosen >= logits.size(1))
    fail(method, ": class ", chosen, ", the network has the classes 0 to ", logits.size(1) - 1);
  return chosen;
}

// The gradient that picks one logit: 1 at `index`, 0 elsewhere, for a tape's way back. Shape 1 classes.
template <Element T>
Tensor<T> one_logit(const Tensor<T>& logits, std::int64_t index) {
  Tensor<T> dy(logits.shape());
  dy.mutable_data()[index] = T(1);
  return dy;
}

}  // namespace detail

}  // namespace fovea::inline FOVEA_ABI
