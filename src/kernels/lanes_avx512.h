/* SPDX-License-Identifier: MIT
 *
 * lanes.h in AVX-512 F, BW, DQ, VL. Included by lanes.h only.
 */
#include <immintrin.h>

enum { VL = 16, VREGS = 32 };
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

LANES_FN vm v_first(int64_t n) { return (vm)((1u << n) - 1); }
LANES_FN vf v_load(const float *p) { return _mm512_loadu_ps(p); }
LANES_FN void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
LANES_FN vf v_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
LANES_FN void v_store_n(float *p, vf a, int64_t n) { _mm512_mask_storeu_ps(p, v_first(n), a); }
LANES_FN vf v_set1(float x) { return _mm512_set1_ps(x); }
LANES_FN vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
LANES_FN vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
LANES_FN vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
LANES_FN vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
LANES_FN vf v_abs(vf a) { return _mm512_abs_ps(a); }
LANES_FN vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
LANES_FN vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANES_FN vf v_floor(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANES_FN vf v_ceil(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
LANES_FN vf v_trunc(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
LANES_FN vm v_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
LANES_FN vm v_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
LANES_FN vm v_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
LANES_FN vf v_blend(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
LANES_FN vf v_copysign(vf a, vf s) {
    __m512i sign = _mm512_set1_epi32(INT32_MIN); /* 0xCA: sign ? s : a, bit by bit */
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(sign, _mm512_castps_si512(s), _mm512_castps_si512(a), 0xCA));
}
LANES_FN vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
LANES_FN vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
LANES_FN vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
LANES_FN vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
LANES_FN vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
LANES_FN vi vi_shl(vi a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
LANES_FN vi vi_sar(vi a, int n) { return _mm512_srai_epi32(a, (unsigned)n); }
LANES_FN vf vi_as_vf(vi a) { return _mm512_castsi512_ps(a); }
LANES_FN vi vf_as_vi(vf a) { return _mm512_castps_si512(a); }
LANES_FN vi v_to_vi(vf a) { return _mm512_cvtps_epi32(a); }
LANES_FN vf vi_to_vf(vi a) { return _mm512_cvtepi32_ps(a); }
LANES_FN vf v_load_f16(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
LANES_FN void v_store_f16(uint16_t *p, vf a) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#if defined(__AVX512BF16__)
LANES_FN void v_store_bf16(uint16_t *p, vf a) {
    __m256bh h = _mm512_cvtneps_pbh(a);
    memcpy(p, &h, sizeof h);
}
LANES_FN vf v_dot_bf16(vf sum, vi a, vi b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
#endif
#if defined(__AVX512FP16__)
typedef __m512h vh;
LANES_FN vh vh_load(const uint16_t *p) { return _mm512_loadu_ph(p); }
LANES_FN vh vh_pairs(int32_t w) { return _mm512_castsi512_ph(_mm512_set1_epi32(w)); }
LANES_FN vh vh_fma(vh a, vh b, vh c) { return _mm512_fmadd_ph(a, b, c); }
LANES_FN vf vh_low(vh a) { return _mm512_cvtph_ps(_mm512_castsi512_si256(_mm512_castph_si512(a))); }
LANES_FN vf vh_high(vh a) { return _mm512_cvtph_ps(_mm512_extracti64x4_epi64(_mm512_castph_si512(a), 1)); }
LANES_FN void v_store_f16_twice(uint32_t *p, vf a) {
    __m512i h = _mm512_cvtepu16_epi32(_mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm512_storeu_si512(p, _mm512_or_si512(h, _mm512_slli_epi32(h, 16)));
}
#endif
LANES_FN vf v_even(vf a, vf b) {
    const __m512i index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, index, b);
}
LANES_FN vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
LANES_FN void vi_store(int32_t *p, vi a) { _mm512_storeu_si512(p, a); }
LANES_FN void vi_store_n(int32_t *p, vi a, int64_t n) { _mm512_mask_storeu_epi32(p, v_first(n), a); }
LANES_FN vi vi_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
LANES_FN vi vi_madd16(vi a, vi b) { return _mm512_madd_epi16(a, b); }
#if defined(__AVX512VNNI__)
LANES_FN vi vi_dot8(vi sum, vi a, vi b) { return _mm512_dpbusd_epi32(sum, a, b); }
#endif
