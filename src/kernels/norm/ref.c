/* SPDX-License-Identifier: MIT
 *
 * Normalisations in plain C with sums in double: the oracle of norm_tmpl.h.
 */
#include "kernels/norm/norm.h"

#include <math.h>
#include <stddef.h>

static void moments64(const float *x, int64_t n, int64_t step, double *mean, double *var) {
    double s = 0, q = 0;
    for (int64_t i = 0; i < n; i++) s += (double)x[i * step];
    *mean = s / (double)n;
    for (int64_t i = 0; i < n; i++) q += ((double)x[i * step] - *mean) * ((double)x[i * step] - *mean);
    *var = q / (double)n;
}

static void layer_row(const k_layer_args *a, int64_t r) {
    const float *x = a->x + r * a->n, *res = a->residual ? a->residual + r * a->n : NULL;
    float *y = a->y + r * a->n;
    for (int64_t i = 0; i < a->n; i++) y[i] = res ? x[i] + res[i] : x[i];
    if (a->sum)
        for (int64_t i = 0; i < a->n; i++) a->sum[r * a->n + i] = y[i];
    double mean, var;
    moments64(y, a->n, 1, &mean, &var);
    if (a->rms) var += mean * mean, mean = 0;
    double inv = 1 / sqrt(var + (double)a->eps);
    for (int64_t i = 0; i < a->n; i++)
        y[i] = (float)(((double)y[i] - mean) * inv * (a->scale ? (double)a->scale[i] : 1) +
                       (a->bias ? (double)a->bias[i] : 0));
    if (a->mean) a->mean[r] = (float)mean;
    if (a->inv) a->inv[r] = (float)inv;
}

static void layer_ref(const k_layer_args *a, int64_t row_begin, int64_t row_end) {
    for (int64_t r = row_begin; r < row_end; r++) layer_row(a, r);
}

static void moments_ref(const float *x, int64_t n, float *mean, float *var) {
    double m, v;
    moments64(x, n, 1, &m, &v);
    *mean = (float)m, *var = (float)v;
}

static void affine_ref(float *y, const float *x, int64_t rows, int64_t n, const float *a, const float *b) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j++) y[r * n + j] = fmaf(x[r * n + j], a[r], b[r]);
}

static void column_moments_ref(const float *x, int64_t rows, int64_t cols, int64_t ld, float *mean, float *var) {
    for (int64_t c = 0; c < cols; c++) {
        double m, v;
        moments64(x + c, rows, ld, &m, &v);
        mean[c] = (float)m, var[c] = (float)v;
    }
}

static void column_affine_ref(float *y, const float *x, int64_t rows, int64_t cols, int64_t ld, const float *a,
                              const float *b) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++) y[r * ld + c] = fmaf(x[r * ld + c], a[c], b[c]);
}

static void lp_ref(float *y, const float *x, int64_t n, int64_t step, int p) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += p == 1 ? fabs((double)x[i * step]) : (double)x[i * step] * (double)x[i * step];
    double norm = p == 1 ? s : sqrt(s);
    for (int64_t i = 0; i < n; i++) y[i * step] = norm == 0 ? 0.0f : (float)((double)x[i * step] / norm);
}

static void lrn_ref(const k_lrn_args *a) {
    for (int64_t i = 0; i < a->n; i++) {
        double s = 0;
        for (int64_t k = a->from; k <= a->to; k++) s += (double)a->x[i + k * a->step] * (double)a->x[i + k * a->step];
        a->y[i] = (float)((double)a->x[i] / pow((double)a->bias + (double)a->alpha * s, (double)a->beta));
    }
}

const k_norm k_norm_ref = {layer_ref, moments_ref, affine_ref, column_moments_ref, column_affine_ref, lp_ref, lrn_ref};
