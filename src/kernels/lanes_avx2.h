/* SPDX-License-Identifier: MIT
 *
 * lanes.h in AVX2, FMA and F16C. Included by lanes.h only.
 */
#include <immintrin.h>

enum { VL = 8, VREGS = 16 };
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm; /* all bits of a lane, or none */

LANES_FN __m256i lanes_tail_(int64_t n) {
    static const int32_t ones_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones_zeros + 8 - n));
}
LANES_FN vm v_first(int64_t n) { return _mm256_castsi256_ps(lanes_tail_(n)); }
LANES_FN vf v_load(const float *p) { return _mm256_loadu_ps(p); }
LANES_FN void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
LANES_FN vf v_load_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, lanes_tail_(n)); }
LANES_FN void v_store_n(float *p, vf a, int64_t n) { _mm256_maskstore_ps(p, lanes_tail_(n), a); }
LANES_FN vf v_set1(float x) { return _mm256_set1_ps(x); }
LANES_FN vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
LANES_FN vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
LANES_FN vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
LANES_FN vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
LANES_FN vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
LANES_FN vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
LANES_FN vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANES_FN vf v_floor(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANES_FN vf v_ceil(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
LANES_FN vf v_trunc(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
LANES_FN vm v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
LANES_FN vm v_le(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
LANES_FN vm v_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
LANES_FN vf v_blend(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
LANES_FN vf v_copysign(vf a, vf s) {
    vf sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, s));
}
LANES_FN vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
LANES_FN vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
LANES_FN vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
LANES_FN vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
LANES_FN vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
LANES_FN vi vi_shl(vi a, int n) { return _mm256_slli_epi32(a, n); }
LANES_FN vi vi_sar(vi a, int n) { return _mm256_srai_epi32(a, n); }
LANES_FN vf vi_as_vf(vi a) { return _mm256_castsi256_ps(a); }
LANES_FN vi vf_as_vi(vf a) { return _mm256_castps_si256(a); }
LANES_FN vi v_to_vi(vf a) { return _mm256_cvtps_epi32(a); }
LANES_FN vf vi_to_vf(vi a) { return _mm256_cvtepi32_ps(a); }
LANES_FN vf v_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
LANES_FN void v_store_f16(uint16_t *p, vf a) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
LANES_FN vf
v_even(vf a, vf b) { /* within 128-bit halves: a0 a2 b0 b2 | a4 a6 b4 b6; then the middle quarters change places */
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xD8));
}
LANES_FN vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
LANES_FN void vi_store(int32_t *p, vi a) { _mm256_storeu_si256((__m256i *)(void *)p, a); }
LANES_FN void vi_store_n(int32_t *p, vi a, int64_t n) { _mm256_maskstore_epi32(p, lanes_tail_(n), a); }
LANES_FN vi vi_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
LANES_FN vi vi_madd16(vi a, vi b) { return _mm256_madd_epi16(a, b); }
