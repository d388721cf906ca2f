/* SPDX-License-Identifier: MIT
 *
 * The epilogue of 16 columns in AVX-512 and AVX2, the operations of convert.h's plain loops one for one: conversion to
 * double, fma, max, min (the bound where v is NaN), rounding to nearest even. HAVE_FINISH16 says that there is one.
 */
#if defined(__AVX512F__) && !defined(LANES_PORTABLE)
#include <immintrin.h>
#define HAVE_FINISH16 1

static inline __m512i FN(z_ints)(const void *z, const k_qfinish *f) {
    __m128i v = _mm_loadu_si128(z);
    __m512i w = f->z == K_Q_S8 ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v);
    return _mm512_sub_epi32(w, _mm512_set1_epi32(f->z_zero));
}

static inline __m512d FN(half)(__m256i c, const double *m, const double *b) {
    return _mm512_fmadd_pd(_mm512_cvtepi32_pd(c), _mm512_loadu_pd(m), _mm512_loadu_pd(b));
}

static inline __attribute__((always_inline)) void FN(finish16)(void *y, const int32_t *c, const void *z,
                                                               const double *m, const double *b, const k_qfinish *f) {
    __m512d v0 = FN(half)(_mm256_loadu_si256((const void *)c), m, b),
            v1 = FN(half)(_mm256_loadu_si256((const void *)(c + 8)), m + 8, b + 8);
    __m512d lo = _mm512_set1_pd(f->lo), hi = _mm512_set1_pd(f->hi), zm = _mm512_set1_pd(f->zm);
    if (z && f->z == K_Q_F32) {
        v0 = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(z)), zm, v0);
        v1 = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps((const float *)z + 8)), zm, v1);
    } else if (z) {
        __m512i w = FN(z_ints)(z, f);
        v0 = _mm512_fmadd_pd(_mm512_cvtepi32_pd(_mm512_castsi512_si256(w)), zm, v0);
        v1 = _mm512_fmadd_pd(_mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(w, 1)), zm, v1);
    }
    v0 = _mm512_min_pd(_mm512_max_pd(v0, lo), hi), v1 = _mm512_min_pd(_mm512_max_pd(v1, lo), hi);
    if (f->y == K_Q_F32) {
        _mm256_storeu_ps(y, _mm512_cvtpd_ps(v0));
        _mm256_storeu_ps((float *)y + 8, _mm512_cvtpd_ps(v1));
        return;
    }
    __m512i q = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtpd_epi32(v0)), _mm512_cvtpd_epi32(v1), 1);
    _mm_storeu_si128(y, _mm512_cvtepi32_epi8(_mm512_add_epi32(q, _mm512_set1_epi32(f->y_zero))));
}

#elif defined(__AVX2__) && !defined(LANES_PORTABLE)
#include <immintrin.h>
#define HAVE_FINISH16 1

/* Four columns: v, clamped. */
static inline __attribute__((always_inline)) __m256d FN(quarter)(const int32_t *c, const void *z, const double *m,
                                                                 const double *b, const k_qfinish *f) {
    __m256d v =
        _mm256_fmadd_pd(_mm256_cvtepi32_pd(_mm_loadu_si128((const void *)c)), _mm256_loadu_pd(m), _mm256_loadu_pd(b));
    __m256d zm = _mm256_set1_pd(f->zm);
    if (z && f->z == K_Q_F32) {
        v = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(z)), zm, v);
    } else if (z) {
        __m128i t = _mm_loadu_si32(z);
        t = f->z == K_Q_S8 ? _mm_cvtepi8_epi32(t) : _mm_cvtepu8_epi32(t);
        v = _mm256_fmadd_pd(_mm256_cvtepi32_pd(_mm_sub_epi32(t, _mm_set1_epi32(f->z_zero))), zm, v);
    }
    return _mm256_min_pd(_mm256_max_pd(v, _mm256_set1_pd(f->lo)), _mm256_set1_pd(f->hi));
}

static inline __attribute__((always_inline)) void FN(finish16)(void *y, const int32_t *c, const void *z,
                                                               const double *m, const double *b, const k_qfinish *f) {
    __m128i q[4], zero = _mm_set1_epi32(f->y_zero);
    int64_t zs = f->z == K_Q_F32 ? 16 : 4;
    for (int i = 0; i < 4; i++) {
        __m256d v = FN(quarter)(c + 4 * i, z ? (const char *)z + i * zs : NULL, m + 4 * i, b + 4 * i, f);
        if (f->y == K_Q_F32) _mm_storeu_ps((float *)y + 4 * i, _mm256_cvtpd_ps(v));
        q[i] = _mm_add_epi32(_mm256_cvtpd_epi32(v), zero);
    }
    if (f->y == K_Q_F32) return;
    __m128i low = _mm_packs_epi32(q[0], q[1]), high = _mm_packs_epi32(q[2], q[3]); /* all fit: nothing saturates */
    _mm_storeu_si128(y, f->y == K_Q_S8 ? _mm_packs_epi16(low, high) : _mm_packus_epi16(low, high));
}
#endif
