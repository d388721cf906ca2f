/* SPDX-License-Identifier: MIT
 *
 * The discrete Fourier transform by its definition, for DFT and STFT.
 */
#ifndef OPS_UTIL_FOURIER_H
#define OPS_UTIL_FOURIER_H

#include <math.h>

#include "ops/op.h"

/* cos and sin of 2 pi k / n, interleaved; NULL with the error set when out of memory. */
static inline const double *fourier_table(eval_ctx *c, int64_t n) {
    double *t = eval_scratch(c, (size_t)n * 2 * sizeof *t);
    for (int64_t k = 0; t && k < n; k++) {
        double a = 2 * 3.14159265358979323846 * (double)k / (double)n;
        t[2 * k] = cos(a);
        t[2 * k + 1] = sin(a);
    }
    return t;
}

/* Bin k of the transform of n complex numbers: sum of x[i] exp(-+ 2 pi sqrt(-1) i k / n); sign -1 forward, 1 inverse.
 */
static inline void fourier_bin(const double *x, int64_t n, int64_t k, int sign, const double *table, double out[2]) {
    double re = 0, im = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double co = table[2 * at], si = sign * table[2 * at + 1];
        re += x[2 * i] * co - x[2 * i + 1] * si;
        im += x[2 * i] * si + x[2 * i + 1] * co;
        at += k;
        if (at >= n) at -= n;
    }
    out[0] = re;
    out[1] = im;
}

#endif
