// The vector wrapper on AVX2 and FMA: 8 floats. Layer cpu; simd/plain.h says what each member does.
#pragma once

#include <cstdint>

#include <fovea/core/config.h>
#include <fovea/core/target.h>

#if defined(__x86_64__)
FOVEA_TARGET_BEGIN(avx2)
namespace fovea::inline FOVEA_ABI::cpu::avx2 {

struct simd {
  static constexpr int lanes = 8;
  using f32 = __m256;
  static f32 zero() { return _mm256_setzero_ps(); }
  static f32 set(float value) { return _mm256_set1_ps(value); }
  static f32 load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, f32 a) { _mm256_storeu_ps(p, a); }
  static f32 load_partial(const float* p, int n) { return _mm256_maskload_ps(p, mask(n)); }
  static void store_partial(float* p, f32 a, int n) { _mm256_maskstore_ps(p, mask(n), a); }
  static f32 fma(f32 a, f32 b, f32 c) {
#  if defined(__clang__)
    return _mm256_fmadd_ps(a, b, c);
#  else  // gcc 12 spills the accumulators of a 6x2 tile with the intrinsic: 135 instead of 184 GFLOP/s on Zen 3
    asm("vfmadd231ps %1, %2, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
#  endif
  }
  static f32 add(f32 a, f32 b) { return _mm256_add_ps(a, b); }
  static f32 sub(f32 a, f32 b) { return _mm256_sub_ps(a, b); }
  static f32 mul(f32 a, f32 b) { return _mm256_mul_ps(a, b); }
  static f32 div(f32 a, f32 b) { return _mm256_div_ps(a, b); }
  static f32 max(f32 a, f32 b) { return _mm256_max_ps(a, b); }
  static f32 min(f32 a, f32 b) { return _mm256_min_ps(a, b); }
  static f32 round(f32 a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static f32 scale(f32 a, f32 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
  static f32 max_or_nan(f32 m, f32 x) {
    const f32 take = _mm256_or_ps(_mm256_cmp_ps(x, m, _CMP_GT_OQ), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_ps(m, x, take);
  }
  static f32 if_max_or_nan(f32 m, f32 x, f32 yes, f32 no) {
    return _mm256_blendv_ps(no, yes, _mm256_or_ps(_mm256_cmp_ps(x, m, _CMP_GT_OQ), _mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
  }
  // Masked accesses of integers are slow on AMD: only where the vector is not whole.
  static f32 load_i32(const std::int32_t* p, int n) {
    if (n == lanes) return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm256_cvtepi32_ps(_mm256_maskload_epi32(p, mask(n)));
  }
  static void store_i32(std::int32_t* p, f32 a, int n) {
    if (n == lanes) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvtps_epi32(a));
    _mm256_maskstore_epi32(p, mask(n), _mm256_cvtps_epi32(a));
  }
  static f32 if_equal(f32 a, f32 b, f32 yes, f32 no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_EQ_OQ));
  }
  static f32 if_less(f32 a, f32 b, f32 yes, f32 no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }

 private:
  static __m256i mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace fovea::inline FOVEA_ABI::cpu::avx2
FOVEA_TARGET_END
#endif
