/* SPDX-License-Identifier: MIT
 *
 * Between FP32, INT32 and 8 bits: plain loops that the compiler vectorises, included by ref.c and by the instances
 * under their ISA's flags. FN(name) names a function. Rounding is to nearest, ties to even; NaN quantizes to zp, as 0.
 */
#include <math.h>
#include <stdint.h>

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
