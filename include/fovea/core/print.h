// operator<< of Tensor: type, shape and elements as nested rows, long dimensions shortened as NumPy does. Layer core.
#pragma once

#include <iomanip>
#include <ostream>

#include <fovea/core/tensor.h>

namespace fovea::inline FOVEA_ABI {

namespace detail {
template <class T>
void print_element(std::ostream& out, T v) {
  if constexpr (is_floating<T>) out << std::setw(11) << std::setprecision(5) << static_cast<double>(v);
  else out << std::setw(5) << static_cast<std::int64_t>(v);
}

// One dimension in brackets; `shorten` leaves three at each end.
template <class T>
void print_rows(std::ostream& out, const Tensor<T>& t, int dimension, const T* from, bool shorten) {
  if (dimension == t.rank()) return print_element(out, *from);
  std::int64_t stride = 1;
  for (int d = dimension + 1; d < t.rank(); ++d) stride *= t.size(d);
  const std::int64_t n = t.size(dimension);
  const bool last = dimension + 1 == t.rank();
  out << '[';
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0) out << (last ? "" : "\n" + std::string(static_cast<std::size_t>(dimension) + 1, ' '));
    if (shorten && n > 6 && i == 3) {
      out << (last ? "  ..." : "...");
      i = n - 4;
      continue;
    }
    print_rows(out, t, dimension + 1, from + i * stride, shorten);
  }
  out << ']';
}
}  // namespace detail

// "float32 2x3" on the first line, then the elements; more than 1,000 are shortened.
template <Element T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& t) {
  if (!t.defined()) return out << "undefined tensor";
  const std::ios_base::fmtflags flags = out.flags();
  const std::streamsize precision = out.precision();
  out << dtype_of<T> << ' ' << t.shape() << '\n';
  if (t.numel() > 0) detail::print_rows(out, t, 0, t.data(), t.numel() > 1000);
  else out << "[]";
  out.flags(flags);
  out.precision(precision);
  return out;
}

}  // namespace fovea::inline FOVEA_ABI
