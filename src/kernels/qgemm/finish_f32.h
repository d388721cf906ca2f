/* SPDX-License-Identifier: MIT
 *
 * The epilogue in FP32 lanes, for 8-bit results. It rounds as the doubles of convert.h do wherever v is further from a
 * tie than both can be apart (k_qfinish.sure, argued in finish.c); a block of columns that comes nearer to one is
 * computed in double again. So the bits are those of the doubles, several times faster.
 */
#if defined(__AVX2__) && !defined(LANES_PORTABLE)
#include <immintrin.h>
#endif

/* VL bytes as integers; V * VL integers as bytes; whether any lane of a is above b. */
#if defined(__AVX512BW__) && !defined(LANES_PORTABLE)
static inline vi FN(from_bytes)(const void *p, bool is_signed) {
    __m128i v = _mm_loadu_si128(p);
    return is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v);
}
static inline __attribute__((always_inline)) void FN(put_bytes)(void *y, const vi *q, bool is_signed, const int V) {
    if (V < 4) {
        for (int k = 0; k < V; k++) _mm_storeu_si128((__m128i *)y + k, _mm512_cvtepi32_epi8(q[k]));
        return;
    }
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i a = _mm512_packs_epi32(q[0], q[1]), b = _mm512_packs_epi32(q[2], q[3]); /* all fit: nothing saturates */
    a = is_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);
    _mm512_storeu_si512(y, _mm512_permutexvar_epi32(order, a));
}
static inline bool FN(any_above)(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0; }
#elif defined(__AVX2__) && !defined(__AVX512F__) && !defined(LANES_PORTABLE)
static inline vi FN(from_bytes)(const void *p, bool is_signed) {
    __m128i v = _mm_loadl_epi64(p);
    return is_signed ? _mm256_cvtepi8_epi32(v) : _mm256_cvtepu8_epi32(v);
}
static inline __attribute__((always_inline)) void FN(put_bytes)(void *y, const vi *q, bool is_signed, const int V) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int k = 0; k < V; k += 4) { /* all fit: nothing saturates */
        __m256i a = _mm256_packs_epi32(q[k], V > 1 ? q[k + 1] : q[k]), b = a;
        if (V > 2) b = _mm256_packs_epi32(q[k + 2], q[k + 3]);
        a = is_signed ? _mm256_packs_epi16(a, b) : _mm256_packus_epi16(a, b);
        a = _mm256_permutevar8x32_epi32(a, order);
        if (V > 2) _mm256_storeu_si256((__m256i *)y + k / 4, a);
        else if (V > 1) _mm_storeu_si128(y, _mm256_castsi256_si128(a));
        else _mm_storel_epi64(y, _mm256_castsi256_si128(a));
    }
}
static inline bool FN(any_above)(vf a, vf b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0; }
#else
static inline vi FN(from_bytes)(const void *p, bool is_signed) {
    int32_t w[VL];
    for (int i = 0; i < VL; i++) w[i] = is_signed ? ((const int8_t *)p)[i] : ((const uint8_t *)p)[i];
    return vi_load(w);
}
static inline __attribute__((always_inline)) void FN(put_bytes)(void *y, const vi *q, bool is_signed, const int V) {
    int32_t w[4 * VL];
    (void)is_signed;
    for (int k = 0; k < V; k++) vi_store(w + k * VL, q[k]);
    for (int i = 0; i < V * VL; i++) ((uint8_t *)y)[i] = (uint8_t)w[i];
}
static inline bool FN(any_above)(vf a, vf b) {
    float x[VL];
    v_store(x, v_sub(a, b));
    bool any = false;
    for (int i = 0; i < VL; i++) any |= x[i] > 0;
    return any;
}
#endif

/* Columns [at, at + V * VL) of all rows. */
static inline __attribute__((always_inline)) void FN(finish_lanes)(const k_qepilogue *e, int64_t at, const k_qfinish *f,
                                                                   const bool with_z, const int V) {
    const vf lo = v_set1((float)f->lo), hi = v_set1((float)f->hi), zm = v_set1((float)f->zm), sure = v_set1(f->sure);
    const vi zero = vi_set1(f->y_zero), z_zero = vi_set1(f->z_zero);
    const bool is_signed = f->y == K_Q_S8, z_signed = f->z == K_Q_S8;
    vf m[4], b[4];
#pragma GCC unroll 4
    for (int k = 0; k < V; k++) m[k] = v_load(f->mf + e->j + at + k * VL), b[k] = v_load(f->bf + e->j + at + k * VL);
    for (int64_t i = 0; i < e->rows; i++) {
        const int32_t *c = e->c + i * e->ldc + at;
        const char *z = with_z ? (const char *)e->z + i * e->ld + at : NULL;
        char *y = (char *)e->y + i * e->ld + at;
        vf off = v_set1(0.0f);
        vi q[4];
#pragma GCC unroll 4
        for (int k = 0; k < V; k++) {
            vf v = v_fma(vi_to_vf(vi_load(c + k * VL)), m[k], b[k]);
            if (with_z) v = v_fma(vi_to_vf(vi_sub(FN(from_bytes)(z + k * VL, z_signed), z_zero)), zm, v);
            v = v_min(v_max(v, lo), hi);
            q[k] = v_to_vi(v);
            off = v_max(v_abs(v_sub(v, vi_to_vf(q[k]))), off);
            q[k] = vi_add(q[k], zero);
        }
        if (FN(any_above)(off, sure)) FN(finish_row)(y, c, z, e->j + at, V * VL, f);
        else FN(put_bytes)(y, q, is_signed, V);
    }
}

static void FN(finish_plain)(const k_qepilogue *e, int64_t at, const k_qfinish *f, int vectors) {
    if (vectors == 4) FN(finish_lanes)(e, at, f, false, 4);
    else if (vectors == 2) FN(finish_lanes)(e, at, f, false, 2);
    else FN(finish_lanes)(e, at, f, false, 1);
}

static void FN(finish_with_z)(const k_qepilogue *e, int64_t at, const k_qfinish *f, int vectors) {
    if (vectors == 4) FN(finish_lanes)(e, at, f, true, 4);
    else if (vectors == 2) FN(finish_lanes)(e, at, f, true, 2);
    else FN(finish_lanes)(e, at, f, true, 1);
}

static void FN(finish_fast)(const k_qepilogue *e, const k_qfinish *f) {
    int64_t at = 0;
    if (f->sure > 0 && f->y != K_Q_F32 && (!e->z || f->z != K_Q_F32))
        while (e->n - at >= VL) {
            int vectors = e->n - at >= 4 * VL ? 4 : e->n - at >= 2 * VL ? 2 : 1;
            if (e->z) FN(finish_with_z)(e, at, f, vectors);
            else FN(finish_plain)(e, at, f, vectors);
            at += vectors * VL;
        }
    FN(finish_from)(e, at, f);
}

static void FN(add_fast)(void *y_, const void *a_, bool a_signed, int32_t a_zero, const void *z_, int64_t n,
                         const k_qfinish *f) {
    const char *a = a_, *z = z_;
    char *y = y_;
    const vf m = v_set1((float)f->m[0]), b = v_set1((float)f->b[0]), lo = v_set1((float)f->lo),
             hi = v_set1((float)f->hi), zm = v_set1((float)f->zm), sure = v_set1(f->sure);
    const vi zero = vi_set1(f->y_zero), z_zero = vi_set1(f->z_zero), minus = vi_set1(a_zero);
    const bool is_signed = f->y == K_Q_S8, z_signed = f->z == K_Q_S8;
    enum { BLOCK = 4 * VL };
    int64_t i = 0;
    for (; f->sure > 0 && i + BLOCK <= n; i += BLOCK) {
        vf off = v_set1(0.0f);
        vi q[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            vf v = v_fma(vi_to_vf(vi_sub(FN(from_bytes)(a + i + k * VL, a_signed), minus)), m, b);
            v = v_fma(vi_to_vf(vi_sub(FN(from_bytes)(z + i + k * VL, z_signed), z_zero)), zm, v);
            v = v_min(v_max(v, lo), hi);
            q[k] = v_to_vi(v);
            off = v_max(v_abs(v_sub(v, vi_to_vf(q[k]))), off);
            q[k] = vi_add(q[k], zero);
        }
        if (FN(any_above)(off, sure)) FN(add)(y + i, a + i, a_signed, a_zero, z + i, BLOCK, f);
        else FN(put_bytes)(y + i, q, is_signed, 4);
    }
    if (i < n) FN(add)(y + i, a + i, a_signed, a_zero, z + i, n - i, f);
}
