// The vector wrapper on AVX-512: 16 floats. Layer cpu; simd/plain.h says what each member does.
#pragma once

#include <cstdint>

#include <fovea/core/config.h>
#include <fovea/core/target.h>

#if defined(__x86_64__)
FOVEA_TARGET_BEGIN(avx512)
namespace fovea::inline FOVEA_ABI::cpu::avx512 {

struct simd {
  static constexpr int lanes = 16;
  using f32 = __m512;
  static constexpr __mmask16 kAll = 0xffff;
  static f32 zero() { return _mm512_setzero_ps(); }
  static f32 set(float value) { return _mm512_set1_ps(value); }
  static f32 load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, f32 a) { _mm512_storeu_ps(p, a); }
  static f32 load_partial(const float* p, int n) { return _mm512_maskz_loadu_ps(mask(n), p); }
  static void store_partial(float* p, f32 a, int n) { _mm512_mask_storeu_ps(p, mask(n), a); }
  static f32 fma(f32 a, f32 b, f32 c) { return _mm512_fmadd_ps(a, b, c); }
  static f32 add(f32 a, f32 b) { return _mm512_add_ps(a, b); }
  static f32 sub(f32 a, f32 b) { return _mm512_sub_ps(a, b); }
  static f32 mul(f32 a, f32 b) { return _mm512_mul_ps(a, b); }
  static f32 div(f32 a, f32 b) { return _mm512_div_ps(a, b); }
  // The masked forms with all lanes on: g++ 12 warns falsely (uninitialized) on _mm512_max_ps.
  static f32 max(f32 a, f32 b) { return _mm512_mask_max_ps(a, kAll, a, b); }
  static f32 min(f32 a, f32 b) { return _mm512_mask_min_ps(a, kAll, a, b); }
  static f32 round(f32 a) { return _mm512_maskz_roundscale_ps(kAll, a, _MM_FROUND_TO_NEAREST_INT); }
  static f32 scale(f32 a, f32 n) { return _mm512_maskz_scalef_ps(kAll, a, n); }
  static f32 max_or_nan(f32 m, f32 x) {
    const unsigned take = _mm512_cmp_ps_mask(x, m, _CMP_GT_OQ) | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_blend_ps(static_cast<__mmask16>(take), m, x);
  }
  static f32 if_max_or_nan(f32 m, f32 x, f32 yes, f32 no) {
    const unsigned take = _mm512_cmp_ps_mask(x, m, _CMP_GT_OQ) | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_blend_ps(static_cast<__mmask16>(take), no, yes);
  }
  static f32 load_i32(const std::int32_t* p, int n) {
    return _mm512_maskz_cvtepi32_ps(kAll, _mm512_maskz_loadu_epi32(mask(n), p));
  }
  static void store_i32(std::int32_t* p, f32 a, int n) {
    _mm512_mask_storeu_epi32(p, mask(n), _mm512_maskz_cvtps_epi32(kAll, a));
  }
  static f32 if_equal(f32 a, f32 b, f32 yes, f32 no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), no, yes);
  }
  static f32 if_less(f32 a, f32 b, f32 yes, f32 no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
  }

 private:
  static __mmask16 mask(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
};

}  // namespace fovea::inline FOVEA_ABI::cpu::avx512
FOVEA_TARGET_END
#endif
