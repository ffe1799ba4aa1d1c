// The vector wrapper on NEON (every aarch64): 4 floats. Layer cpu; simd/plain.h says what each member does.
#pragma once

#include <cstdint>

#include <fovea/core/config.h>
#include <fovea/core/target.h>

#if defined(__aarch64__)
namespace fovea::inline FOVEA_ABI::cpu::neon {

struct simd {
  static constexpr int lanes = 4;
  using f32 = float32x4_t;
  static f32 zero() { return vdupq_n_f32(0); }
  static f32 set(float value) { return vdupq_n_f32(value); }
  static f32 load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, f32 a) { vst1q_f32(p, a); }
  static f32 load_partial(const float* p, int n) {
    float v[4] = {};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return vld1q_f32(v);
  }
  static void store_partial(float* p, f32 a, int n) {
    float v[4];
    vst1q_f32(v, a);
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  static f32 fma(f32 a, f32 b, f32 c) { return vfmaq_f32(c, a, b); }
  static f32 add(f32 a, f32 b) { return vaddq_f32(a, b); }
  static f32 sub(f32 a, f32 b) { return vsubq_f32(a, b); }
  static f32 mul(f32 a, f32 b) { return vmulq_f32(a, b); }
  static f32 div(f32 a, f32 b) { return vdivq_f32(a, b); }
  // vmaxq and vminq would return NaN where either operand is one.
  static f32 max(f32 a, f32 b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static f32 min(f32 a, f32 b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static f32 round(f32 a) { return vrndnq_f32(a); }
  static f32 scale(f32 a, f32 n) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
  }
  static f32 max_or_nan(f32 m, f32 x) {
    return vbslq_f32(vorrq_u32(vcgtq_f32(x, m), vmvnq_u32(vceqq_f32(x, x))), x, m);
  }
  static f32 if_max_or_nan(f32 m, f32 x, f32 yes, f32 no) {
    return vbslq_f32(vorrq_u32(vcgtq_f32(x, m), vmvnq_u32(vceqq_f32(x, x))), yes, no);
  }
  static f32 load_i32(const std::int32_t* p, int n) {
    if (n == lanes) return vcvtq_f32_s32(vld1q_s32(p));
    std::int32_t v[4] = {};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return vcvtq_f32_s32(vld1q_s32(v));
  }
  static void store_i32(std::int32_t* p, f32 a, int n) {
    if (n == lanes) return vst1q_s32(p, vcvtq_s32_f32(a));
    std::int32_t v[4];
    vst1q_s32(v, vcvtq_s32_f32(a));
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  static f32 if_equal(f32 a, f32 b, f32 yes, f32 no) { return vbslq_f32(vceqq_f32(a, b), yes, no); }
  static f32 if_less(f32 a, f32 b, f32 yes, f32 no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }
};

}  // namespace fovea::inline FOVEA_ABI::cpu::neon
#endif
