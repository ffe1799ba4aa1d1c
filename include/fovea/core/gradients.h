// Gradients: dL/dvalue by value id, of any element type. Layer core; read tape.h first.
// Backward functions add to it while the tape runs back; afterwards it holds the gradients of the watched values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <fovea/core/parallel_for.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// What a tape knows of a value that it watches, or that depends on one.
struct TapedValue {
  DType dtype;
  Shape shape;
  bool watched = false;
  std::string name;  // of a watched one, for messages
};

// to = a + b, or to += b. Blocks of a constant length, which compilers turn into vector code at -O2.
template <class T>
void add_elements(std::int64_t n, const T* __restrict a, const T* __restrict b, T* __restrict to) {
  constexpr std::int64_t kBlock = 16;
  std::int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock)
    for (std::int64_t j = i; j < i + kBlock; ++j) to[j] = static_cast<T>(a[j] + b[j]);
  for (; i < n; ++i) to[i] = static_cast<T>(a[i] + b[i]);
}
template <class T>
void add_elements(std::int64_t n, const T* __restrict b, T* __restrict to) {
  constexpr std::int64_t kBlock = 16;
  std::int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock)
    for (std::int64_t j = i; j < i + kBlock; ++j) to[j] = static_cast<T>(to[j] + b[j]);
  for (; i < n; ++i) to[i] = static_cast<T>(to[i] + b[i]);
}

// a + b, in a's own memory where nobody else holds it.
template <class T>
AnyTensor sum_of(AnyTensor a, const AnyTensor& b) {
  const bool sole = a.shared_storage().use_count() == 1;
  AnyTensor out = sole ? a : AnyTensor(Tensor<T>(b.shape(), uninitialized, b.storage().device()));
  const T *p = reinterpret_cast<const T*>(a.data()), *q = reinterpret_cast<const T*>(b.data());
  T* to = reinterpret_cast<T*>(out.mutable_data());
  parallel_for(b.numel(), 1 << 15, [=](std::int64_t begin, std::int64_t end) {
    if (sole)
      add_elements(end - begin, q + begin, to + begin);
    else
      add_elements(end - begin, p + begin, q + begin, to + begin);
  });
  return out;
}

// FOVEA_CHECK=finite: every result of an op and every gradient is looked at.
inline bool check_finite() {
  static const bool on = [] {
    const char* check = std::getenv("FOVEA_CHECK");
    return check && std::strstr(check, "finite") != nullptr;
  }();
  return on;
}

// The place of element i, as indices: " at (0, 3, 1, 2)"; nothing for a scalar.
inline std::string place_of(std::int64_t i, const Shape& shape) {
  if (shape.rank() == 0) return {};
  std::string text;
  for (int d = shape.rank() - 1; d >= 0; i /= shape[d--]) text = to_text(i % shape[d], text.empty() ? "" : ", ", text);
  return " at (" + text + ")";
}

// Fails if an element of x is NaN or infinite: "OP: WHAT 2x8x8x16: 3 of 2048 elements not finite, first nan at
// (0, 3, 1, 2)HINT".
inline void require_finite(const char* op, const std::string& what, const AnyTensor& x, const std::string& hint) {
  if (!is_floating_type(x.dtype())) return;
  with_floating(x.dtype(), [&]<class T>(T) {
    const T* v = reinterpret_cast<const T*>(x.data());
    std::int64_t bad = 0, first = 0;
    for (std::int64_t i = x.numel() - 1; i >= 0; --i)
      if (!std::isfinite(static_cast<double>(v[i]))) first = i, ++bad;
    if (bad > 0)
      fail_as(Code::bad_data, op, ": ", what, " ", x.shape(), ": ", bad, " of ", x.numel(),
              " elements not finite, first ", static_cast<double>(v[first]), place_of(first, x.shape()), hint,
              " [FOVEA_CHECK=finite]");
  });
}
}  // namespace detail

class Gradients {
 public:
  // For backward functions: whether anybody needs the gradient of this value.
  bool wants(ValueId x) const { return values_.contains(x); }

  // For backward functions: adds a term of the gradient of x, of x's type and shape; dropped if nobody wants it. Terms
  // of one value are added in the order in which the tape runs back, which is always the same.
  void add(ValueId x, AnyTensor term) {
    const auto value = values_.find(x);
    if (value == values_.end()) return;
    const detail::TapedValue& v = value->second;
    if (term.dtype() != v.dtype || term.shape() != v.shape)
      fail(op_, " backward: gradient ", term.dtype(), " ", term.shape(), " of a value ", v.dtype, " ", v.shape);
    if (detail::check_finite()) check_term(v, term, "");
    const auto [at, first] = by_id_.try_emplace(x, term);
    if (first) return;
    AnyTensor& sum = at->second;
    sum = with_floating(v.dtype, [&]<class T>(T) { return detail::sum_of<T>(std::move(sum), term); });
    if (detail::check_finite()) check_term(v, sum, "the sum of its uses in ");
  }

  // The gradient of a watched value; zeros if it does not reach the loss. Errors: a value that was not watched.
  template <class T>
  Tensor<T> of(const Tensor<T>& x) const {
    return of(AnyTensor(x)).template as<T>();
  }
  const AnyTensor& of(const AnyTensor& x) const {
    const auto found = by_id_.find(x.id());
    if (found == by_id_.end())
      fail("gradient: a value ", x.dtype(), " ", x.shape(), " was asked for that the tape did not watch");
    return found->second;
  }

  // The same, or nullptr for a value that was not watched.
  const AnyTensor* find(const AnyTensor& x) const {
    const auto found = by_id_.find(x.id());
    return found == by_id_.end() ? nullptr : &found->second;
  }

  // Calls f(value id, gradient) for each watched value in the order of their ids, so that a sum over all of them has
  // the same bits in every run. f(ValueId, AnyTensor&) may put another tensor of that type and shape in its place.
  template <class F>
  void for_each(F&& f) {
    for (const ValueId x : watched()) f(x, by_id_.at(x));
  }
  template <class F>
  void for_each(F&& f) const {
    for (const ValueId x : watched()) f(x, by_id_.at(x));
  }

  // For backward functions that ran a tape of their own: adds what that one found of the watched values.
  void add_all(const Gradients& inner) {
    for (const auto& [id, term] : inner.by_id_) add(id, term);
  }

 private:
  friend class Tape;

  std::vector<ValueId> watched() const {
    std::vector<ValueId> ids;
    for (const auto& [x, gradient] : by_id_)
      if (values_.at(x).watched) ids.push_back(x);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  // A term has its value's shape; what arrived at the op was looked at before.
  void check_term(const detail::TapedValue& v, const AnyTensor& term, const char* part) const {
    const std::string value = v.name.empty() ? "the gradient of its input" : "the gradient of " + v.name;
    detail::require_finite(to_text(op_, " backward").c_str(), part + value, term,
                           "; what arrived there from the loss is finite");
  }

  std::unordered_map<ValueId, detail::TapedValue> values_;
  std::unordered_map<ValueId, AnyTensor> by_id_;
  const char* op_ = "";  // whose backward runs
};

}  // namespace fovea::inline FOVEA_ABI
