// Shape: the sizes of a tensor, at most six, stored inline, each >= 0. Layer core.
// All arithmetic on sizes is checked here, once: a shape whose element count does not fit 2^62 cannot be made.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

// a * b and a + b for sizes; an overflow is an error that names `what`.
inline std::int64_t checked_mul(std::int64_t a, std::int64_t b, const char* what = "size") {
  std::int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) fail(what, ": ", a, " * ", b, " overflows 64 bits");
  return r;
}
inline std::int64_t checked_add(std::int64_t a, std::int64_t b, const char* what = "size") {
  std::int64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) fail(what, ": ", a, " + ", b, " overflows 64 bits");
  return r;
}

class Shape {
 public:
  static constexpr int kMaxRank = 6;
  static constexpr std::int64_t kMaxCount = std::int64_t{1} << 62;

  Shape() = default;  // rank 0: one element, a scalar
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes) {
    if (sizes.size() > kMaxRank) fail("shape: ", sizes.size(), " dimensions, at most ", kMaxRank, " are supported");
    std::int64_t nonzero = 1;  // an overflow must not hide behind a zero
    for (const std::int64_t s : sizes) {
      if (s < 0) fail("shape: size ", s, " of dimension ", rank_, " is negative");
      if (s > 0) nonzero = checked_mul(nonzero, s, "shape");
      size_[static_cast<std::size_t>(rank_++)] = s;
    }
    if (nonzero > kMaxCount) fail("shape: ", *this, " has more than 2^62 elements");
  }

  int rank() const { return rank_; }
  // Size of dimension i; a negative i counts from the last: size(-1) is C of NHWC.
  std::int64_t operator[](int i) const { return size_[static_cast<std::size_t>(index(i))]; }
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (const std::int64_t s : sizes()) n *= s;
    return n;
  }
  std::span<const std::int64_t> sizes() const { return {size_.data(), static_cast<std::size_t>(rank_)}; }
  const std::int64_t* begin() const { return size_.data(); }
  const std::int64_t* end() const { return size_.data() + rank_; }

  // The same shape with the size of dimension i replaced.
  Shape with(int i, std::int64_t size) const {
    std::array<std::int64_t, kMaxRank> s = size_;
    s[static_cast<std::size_t>(index(i))] = size;
    return Shape(std::span<const std::int64_t>(s.data(), static_cast<std::size_t>(rank_)));
  }

  friend bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.sizes(), b.sizes()); }

  // "8x56x56x64", the way every message prints a shape; a scalar prints as "scalar".
  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    if (s.rank_ == 0) return out << "scalar";
    for (int i = 0; i < s.rank_; ++i) out << (i ? "x" : "") << s[i];
    return out;
  }

 private:
  int index(int i) const {
    const int k = i < 0 ? i + rank_ : i;
    if (k < 0 || k >= rank_) fail("shape: dimension ", i, " of a tensor with ", rank_, " dimensions");
    return k;
  }
  std::array<std::int64_t, kMaxRank> size_{};
  int rank_ = 0;
};

}  // namespace fovea::inline FOVEA_ABI
