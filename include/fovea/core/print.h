// operator<< of Tensor: type and shape, then the elements as nested rows in aligned columns. Layer core.
// Long dimensions are shortened as NumPy does, so that at most 1,000 elements are printed, whatever the shape.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <string>

#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
// Five significant digits; the same under any locale.
template <class T>
std::string element_text(T v) {
  char text[32];
  if constexpr (is_floating<T>) {
    const auto d = static_cast<double>(v);
    if (std::isnan(d)) return "nan";
    return {text, std::to_chars(text, text + sizeof text, d, std::chars_format::general, 5).ptr};
  } else {
    return {text, std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(v)).ptr};
  }
}

// The elements of `t` that are shown, and the width of their columns.
template <class T>
class Printer {
 public:
  explicit Printer(const Tensor<T>& t) : t_(t), shorten_(t.numel() > 1000) {
    const auto long_ones = std::count_if(t.shape().begin(), t.shape().end(), [](std::int64_t n) { return n > 1; });
    if (long_ones >= 4) edge_ = long_ones == 4 ? 2 : 1;  // (2 * edge)^long_ones <= 1,000
    measure(0, t.data());
  }

  // One dimension in brackets; matrices are set apart by an empty line.
  void print(std::ostream& out, int dimension, const T* from) const {
    if (dimension == t_.rank()) {
      const std::string text = element_text(*from);
      out << std::string(width_ - text.size(), ' ') << text;
      return;
    }
    const std::string indent(static_cast<std::size_t>(dimension) + 1, ' ');
    const std::string gap = last(dimension) ? " " : (last(dimension + 1) ? "\n" : "\n\n") + indent;
    out << '[';
    for (std::int64_t i = 0, before = -1; i < t_.size(dimension); before = i, i = next(dimension, i)) {
      if (i > 0) out << gap;
      if (i != before + 1) out << "..." << gap;
      print(out, dimension + 1, from + i * stride(dimension));
    }
    out << ']';
  }

 private:
  void measure(int dimension, const T* from) {
    if (dimension == t_.rank()) {
      width_ = std::max(width_, element_text(*from).size());
      return;
    }
    for (std::int64_t i = 0; i < t_.size(dimension); i = next(dimension, i))
      measure(dimension + 1, from + i * stride(dimension));
  }
  // The index shown after i: all, or `edge` at each end.
  std::int64_t next(int dimension, std::int64_t i) const {
    const std::int64_t n = t_.size(dimension);
    const bool cut = n > 2 * edge_ && (shorten_ || (last(dimension) && n > 24));
    return cut && i + 1 >= edge_ && i + 1 < n - edge_ ? n - edge_ : i + 1;
  }
  std::int64_t stride(int dimension) const {
    std::int64_t stride = 1;
    for (int d = dimension + 1; d < t_.rank(); ++d) stride *= t_.size(d);
    return stride;
  }
  bool last(int dimension) const { return dimension + 1 == t_.rank(); }

  const Tensor<T>& t_;
  bool shorten_;
  std::int64_t edge_ = 3;
  std::size_t width_ = 0;
};
}  // namespace detail

// "float32 2x3" on the first line, then the elements; more than 1,000, and rows of more than 24, are shortened.
template <Element T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& t) {
  if (!t.defined()) return out << "undefined tensor";
  out << dtype_of<T> << ' ' << t.shape() << '\n';
  if (t.numel() == 0) return out << "[]";
  detail::Printer<T>(t).print(out, 0, t.data());
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
