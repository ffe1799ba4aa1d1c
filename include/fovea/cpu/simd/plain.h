// The vector wrapper in plain C++, of any width. Layer cpu; read this first: it is the specification of the others.
// Kernel bodies (the .inc files of cpu) are written once over `simd`, a struct with these members; simd/avx2.h, avx512.h and
// neon.h have the same members on registers. The tests compile every body on this form too, so that each row's own code
// runs on every machine.
#pragma once

#include <cmath>
#include <cstdint>

#include <fovea/core/config.h>

namespace fovea::inline FOVEA_ABI::cpu {

template <int N>
struct PlainSimd {
  static constexpr int lanes = N;
  struct f32 {
    float v[N];
  };
  static f32 zero() { return {}; }
  static f32 set(float value) {
    return map([&](int) { return value; });
  }
  static f32 load(const float* p) {
    return map([&](int i) { return p[i]; });
  }
  static void store(float* p, const f32& a) { store_partial(p, a, N); }
  // The first n lanes, 0 <= n <= lanes; the others read as 0 and are not written.
  static f32 load_partial(const float* p, int n) {
    return map([&](int i) { return i < n ? p[i] : 0.f; });
  }
  static void store_partial(float* p, const f32& a, int n) {
    for (int i = 0; i < n; ++i) p[i] = a.v[i];
  }
  // a * b + c, rounded once.
  static f32 fma(const f32& a, const f32& b, const f32& c) {
    return map([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
  }
  static f32 add(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] + b.v[i]; });
  }
  static f32 sub(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] - b.v[i]; });
  }
  static f32 mul(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] * b.v[i]; });
  }
  static f32 div(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] / b.v[i]; });
  }
  // a > b ? a : b and a < b ? a : b: the second operand where they are equal or either is NaN.
  static f32 max(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static f32 min(const f32& a, const f32& b) {
    return map([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  // To the nearest integer, ties to even.
  static f32 round(const f32& a) {
    return map([&](int i) { return std::nearbyint(a.v[i]); });
  }
  // a * 2^n for integers -126 <= n <= 127; what another n gives is not defined, but NaN in a stays NaN.
  static f32 scale(const f32& a, const f32& n) {
    return map([&](int i) { return n.v[i] != n.v[i] ? n.v[i] : std::ldexp(a.v[i], static_cast<int>(n.v[i])); });
  }
  // x > m or x is NaN ? x : m, the step of a maximum that a NaN wins.
  static f32 max_or_nan(const f32& m, const f32& x) {
    return map([&](int i) { return x.v[i] > m.v[i] || x.v[i] != x.v[i] ? x.v[i] : m.v[i]; });
  }
  // The same condition: x > m or x is NaN ? yes : no.
  static f32 if_max_or_nan(const f32& m, const f32& x, const f32& yes, const f32& no) {
    return map([&](int i) { return x.v[i] > m.v[i] || x.v[i] != x.v[i] ? yes.v[i] : no.v[i]; });
  }
  // n integers between -2^24 and 2^24 as floats, and back: no other value is exact.
  static f32 load_i32(const std::int32_t* p, int n) {
    return map([&](int i) { return i < n ? static_cast<float>(p[i]) : 0.f; });
  }
  static void store_i32(std::int32_t* p, const f32& a, int n) {
    for (int i = 0; i < n; ++i) p[i] = static_cast<std::int32_t>(a.v[i]);
  }
  static f32 if_equal(const f32& a, const f32& b, const f32& yes, const f32& no) {
    return map([&](int i) { return a.v[i] == b.v[i] ? yes.v[i] : no.v[i]; });
  }
  // a < b ? yes : no.
  static f32 if_less(const f32& a, const f32& b, const f32& yes, const f32& no) {
    return map([&](int i) { return a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; });
  }

 private:
  template <class F>
  static f32 map(F f) {
    f32 r;
    for (int i = 0; i < N; ++i) r.v[i] = f(i);
    return r;
  }
};

}  // namespace fovea::inline FOVEA_ABI::cpu
