/* SPDX-License-Identifier: MIT
 *
 * Between FP32, INT32 and 8 bits: plain loops that the compiler vectorises, included by ref.c and by the instances
 * under their ISA's flags. FN(name) names a function. Rounding is to nearest, ties to even; NaN quantizes to zp, as 0.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

/* sat(rint(v) + zp) as the byte; v is clamped first, to far beyond what 8 bits hold, so that the conversion is defined.
 */
static inline uint8_t FN(byte_of)(float v, int32_t zp, int32_t lo, int32_t hi) {
    v = v > -65536.0f ? v : v == v ? -65536.0f : 0.0f;
    v = v < 65536.0f ? v : 65536.0f;
    int32_t q = (int32_t)rintf(v) + zp;
    q = q < lo ? lo : q > hi ? hi : q;
    return (uint8_t)q;
}

static void FN(quantize)(void *q_, const float *x, int64_t n, float scale, int32_t zp, bool is_signed) {
    uint8_t *q = q_;
    int32_t lo = is_signed ? -128 : 0, hi = is_signed ? 127 : 255;
    for (int64_t i = 0; i < n; i++) q[i] = FN(byte_of)(x[i] / scale, zp, lo, hi);
}

static void FN(dequantize)(float *y, const void *q_, int64_t n, float scale, int32_t zp, bool is_signed) {
    if (is_signed) {
        const int8_t *q = q_;
        for (int64_t i = 0; i < n; i++) y[i] = (float)(q[i] - zp) * scale;
    } else {
        const uint8_t *q = q_;
        for (int64_t i = 0; i < n; i++) y[i] = (float)(q[i] - zp) * scale;
    }
}

static void FN(requantize)(void *q_, const int32_t *c, int64_t n, const int32_t *bias, const double *scale,
                           int64_t scale_step, int32_t zp, bool is_signed) {
    uint8_t *q = q_;
    int32_t lo = is_signed ? -128 : 0, hi = is_signed ? 127 : 255;
    for (int64_t i = 0; i < n; i++) {
        int32_t v = (int32_t)((uint32_t)c[i] + (bias ? (uint32_t)bias[i] : 0));
        double r = rint((double)v * scale[i * scale_step]) + zp;
        q[i] = (uint8_t)(int32_t)(r > lo ? r < hi ? r : hi : lo); /* NaN too is the lowest */
    }
}

static void FN(range)(const float *x, int64_t n, float *min, float *max) {
    float lo[16], hi[16];
    for (int j = 0; j < 16; j++) lo[j] = INFINITY, hi[j] = -INFINITY;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            lo[j] = x[i + j] < lo[j] ? x[i + j] : lo[j];
            hi[j] = x[i + j] > hi[j] ? x[i + j] : hi[j];
        }
    for (; i < n; i++) {
        lo[0] = x[i] < lo[0] ? x[i] : lo[0];
        hi[0] = x[i] > hi[0] ? x[i] : hi[0];
    }
    for (int j = 1; j < 16; j++) lo[0] = lo[j] < lo[0] ? lo[j] : lo[0], hi[0] = hi[j] > hi[0] ? hi[j] : hi[0];
    *min = lo[0], *max = hi[0];
}

/* ---- the epilogue of quantized products ---- */
enum { FN(BLOCK) = 16 };

static inline __attribute__((always_inline)) void FN(add_z)(double *v, const void *z, int64_t n, const k_qfinish *f) {
    if (f->z == K_Q_F32)
        for (int64_t i = 0; i < n; i++) v[i] = fma((double)((const float *)z)[i], f->zm, v[i]);
    else if (f->z == K_Q_S8)
        for (int64_t i = 0; i < n; i++) v[i] = fma((double)(((const int8_t *)z)[i] - f->z_zero), f->zm, v[i]);
    else
        for (int64_t i = 0; i < n; i++) v[i] = fma((double)(((const uint8_t *)z)[i] - f->z_zero), f->zm, v[i]);
}

static inline __attribute__((always_inline)) void FN(finish_block)(void *y, const int32_t *c, const void *z,
                                                                   const double *m, const double *b, int64_t n,
                                                                   const k_qfinish *f) {
    double v[FN(BLOCK)];
    int32_t q[FN(BLOCK)];
    double lo = f->lo, hi = f->hi;
    int32_t zero = f->y_zero;
    for (int64_t i = 0; i < n; i++) v[i] = fma((double)c[i], m[i], b[i]);
    if (z) FN(add_z)(v, z, n, f);
    for (int64_t i = 0; i < n; i++) {
        double t = v[i] > lo ? v[i] : lo;
        v[i] = t < hi ? t : hi;
    }
    if (f->y == K_Q_F32) {
        for (int64_t i = 0; i < n; i++) ((float *)y)[i] = (float)v[i];
        return;
    }
    for (int64_t i = 0; i < n; i++) q[i] = (int32_t)rint(v[i]) + zero;
    for (int64_t i = 0; i < n; i++) ((uint8_t *)y)[i] = (uint8_t)q[i];
}

#include "kernels/qgemm/finish.h"
#if !defined(HAVE_FINISH16)
static inline void FN(finish16)(void *y, const int32_t *c, const void *z, const double *m, const double *b,
                                const k_qfinish *f) {
    FN(finish_block)(y, c, z, m, b, 16, f); /* a fixed count: straight vector code */
}
#endif
#undef HAVE_FINISH16

/* One row. */
static void FN(finish_row)(void *y_, const int32_t *c, const void *z_, int64_t j, int64_t n, const k_qfinish *f) {
    int64_t ys = f->y == K_Q_F32 ? 4 : 1, zs = f->z == K_Q_F32 ? 4 : 1;
    const double *m = f->m + j, *b = f->b + j;
    char *y = y_;
    const char *z = z_;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) FN(finish16)(y + i * ys, c + i, z ? z + i * zs : NULL, m + i, b + i, f);
    if (i < n) FN(finish_block)(y + i * ys, c + i, z ? z + i * zs : NULL, m + i, b + i, n - i, f);
}

/* Columns from `at` on. */
static void FN(finish_from)(const k_qepilogue *e, int64_t at, const k_qfinish *f) {
    const int64_t ys = f->y == K_Q_F32 ? 4 : 1, zs = f->z == K_Q_F32 ? 4 : 1;
    for (int64_t i = 0; i < e->rows && at < e->n; i++) FN(finish_row)
    ((char *)e->y + (i * e->ld + at) * ys, e->c + i * e->ldc + at,
     e->z ? (const char *)e->z + (i * e->ld + at) * zs : NULL, e->j + at, e->n - at, f);
}

/* f->m and f->b have FN(BLOCK) equal elements. */
static void FN(add)(void *y_, const void *a_, bool a_signed, int32_t a_zero, const void *z_, int64_t n,
                    const k_qfinish *f) {
    enum { RUN = 16 * FN(BLOCK) }; /* widened by a loop of its own, which the compiler turns into vectors */
    const uint8_t *a = a_, flip = a_signed ? 0x80 : 0, *z = z_;
    const int32_t zero = a_zero + (a_signed ? 128 : 0);
    uint8_t *y = y_;
    int32_t wide[RUN];
    for (; n > 0; n -= RUN, a += RUN, z += RUN, y += RUN) {
        const int64_t count = n < RUN ? n : RUN;
        int64_t i = 0;
        for (int64_t k = 0; k < count; k++) wide[k] = (a[k] ^ flip) - zero;
        for (; i + FN(BLOCK) <= count; i += FN(BLOCK)) FN(finish16)(y + i, wide + i, z + i, f->m, f->b, f);
        if (i < count) FN(finish_block)(y + i, wide + i, z + i, f->m, f->b, count - i, f);
    }
}

static inline void FN(widen16)(void *d, const void *x, int64_t n, int32_t zero, bool is_signed) {
    typedef int16_t any_place __attribute__((aligned(1)));
    any_place *y = d;
    if (is_signed)
        for (int64_t i = 0; i < n; i++) y[i] = (int16_t)(((const int8_t *)x)[i] - zero);
    else
        for (int64_t i = 0; i < n; i++) y[i] = (int16_t)(((const uint8_t *)x)[i] - zero);
}

static inline void FN(widen8)(void *d, const void *x, int64_t n, int32_t zero, bool is_signed) {
    (void)zero;
    uint8_t flip = is_signed ? 0x80 : 0;
    for (int64_t i = 0; i < n; i++) ((uint8_t *)d)[i] = ((const uint8_t *)x)[i] ^ flip;
}

static void FN(depthwise)(int32_t *c, const int16_t *x, const int64_t *offset, int64_t taps, const int16_t *w,
                          const int32_t *init, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        int32_t acc[16];
        for (int k = 0; k < 16; k++) acc[k] = init[i + k];
        for (int64_t t = 0; t < taps; t++) {
            const int16_t *a = x + offset[t] + i, *b = w + t * n + i;
            for (int k = 0; k < 16; k++) acc[k] += (int32_t)a[k] * b[k];
        }
        for (int k = 0; k < 16; k++) c[i + k] = acc[k];
    }
    for (; i < n; i++) {
        int32_t acc = init[i];
        for (int64_t t = 0; t < taps; t++) acc += (int32_t)x[offset[t] + i] * w[t * n + i];
        c[i] = acc;
    }
}

static void FN(sum)(int32_t *acc, const void *x, int64_t pixels, int64_t ld, int64_t n, bool is_signed) {
    uint8_t flip = is_signed ? 0x80 : 0;
    int32_t back = is_signed ? 128 : 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < pixels; k++) acc[i] += (((const uint8_t *)x)[k * ld + i] ^ flip) - back;
}

static void FN(max)(void *d, const void *x, int64_t n, bool is_signed) {
    int8_t *s = d;
    uint8_t *u = d;
    if (is_signed)
        for (int64_t i = 0; i < n; i++) s[i] = s[i] > ((const int8_t *)x)[i] ? s[i] : ((const int8_t *)x)[i];
    else
        for (int64_t i = 0; i < n; i++) u[i] = u[i] > ((const uint8_t *)x)[i] ? u[i] : ((const uint8_t *)x)[i];
}
