/* SPDX-License-Identifier: MIT
 *
 * Normalisations in FP32. All statistics are two-pass (mean, then centred squares) with blocked sums.
 *
 * layer():   per row of n: t = x (+ residual); mean, var = mean((t - mean)^2); inv = 1 / sqrt(var + eps);
 *            y = (t - mean) * inv * scale + bias. rms: mean is taken as 0 (y = t / sqrt(mean(t^2) + eps) * scale +
 * bias). sum (may be NULL) receives t; mean and inv (may be NULL) one value per row. y, sum, x and residual may be the
 * same memory row for row. moments(): mean and variance of n contiguous values (instance and group norm in NCHW: a
 * group is contiguous). affine():  y[r * n + j] = x[r * n + j] * a[r] + b[r]: applies them with one pair per channel
 * row. column_moments(): of cols columns over rows at x[r * ld + c] (NHWC): mean[c], var[c]. column_affine():  y[r * ld
 * + c] = x[r * ld + c] * a[c] + b[c] (batch norm and instance norm in NHWC). lp():      y = x / (sum |x|^p)^(1/p) along
 * n elements `step` apart, p = 1 or 2; a zero norm gives zeros. lrn():     y[i] = x[i] / (bias + alpha sum)^beta of n
 * values, sum over x[i + k step]^2, from <= k <= to: a plane of NCHW among its neighbours. y and x do not overlap.
 */
#ifndef KERNELS_NORM_H
#define KERNELS_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

typedef struct k_layer_args {
    float *y;
    const float *x, *residual; /* residual may be NULL */
    const float *scale, *bias; /* n values each, may be NULL (1 and 0) */
    float *sum, *mean, *inv;
    int64_t n;
    float eps;
    bool rms;
} k_layer_args;

typedef struct k_lrn_args {
    float *y;
    const float *x;
    int64_t n, step, from, to;
    float bias, alpha, beta;
} k_lrn_args;

typedef struct k_norm {
    void (*layer)(const k_layer_args *a, int64_t row_begin, int64_t row_end);
    void (*moments)(const float *x, int64_t n, float *mean, float *var);
    void (*affine)(float *y, const float *x, int64_t rows, int64_t n, const float *a, const float *b);
    void (*column_moments)(const float *x, int64_t rows, int64_t cols, int64_t ld, float *mean, float *var);
    void (*column_affine)(float *y, const float *x, int64_t rows, int64_t cols, int64_t ld, const float *a,
                          const float *b);
    void (*lp)(float *y, const float *x, int64_t n, int64_t step, int p);
    void (*lrn)(const k_lrn_args *a);
} k_norm;

#define KERNEL(level, symbol) extern const k_norm symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/norm/norm.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_norm *k_norm_pick(cpu_level level);

#endif
