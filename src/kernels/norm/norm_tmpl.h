/* SPDX-License-Identifier: MIT
 *
 * Normalisations over lanes.h. A row's sums run in 4 vector accumulators over blocks that are added up in double.
 */
#include "kernels/norm/norm.h"
#include "kernels/vmath.h"

enum { FN(BLOCK) = 1024 };

/* Sum over i of (x[i] - shift)^power, power 1 or 2. */
static inline __attribute__((always_inline)) double FN(sum_block)(const float *x, int64_t n, float shift, int power) {
    vf acc[4] = {v_set1(0.0f), v_set1(0.0f), v_set1(0.0f), v_set1(0.0f)}, m = v_set1(shift);
    int64_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            vf t = v_sub(v_load(x + i + u * VL), m);
            acc[u] = power == 2 ? v_fma(t, t, acc[u]) : v_add(acc[u], t);
        }
    }
    for (; i + VL <= n; i += VL) {
        vf t = v_sub(v_load(x + i), m);
        acc[0] = power == 2 ? v_fma(t, t, acc[0]) : v_add(acc[0], t);
    }
    double s = (double)v_hsum(v_add(v_add(acc[0], acc[1]), v_add(acc[2], acc[3])));
    for (; i < n; i++) s += power == 2 ? (double)((x[i] - shift) * (x[i] - shift)) : (double)(x[i] - shift);
    return s;
}

static double FN(sum_all)(const float *x, int64_t n, float shift, int power) {
    double s = 0;
    for (int64_t i = 0; i < n; i += FN(BLOCK)) {
        int64_t k = n - i < FN(BLOCK) ? n - i : FN(BLOCK);
        s += power == 2 ? FN(sum_block)(x + i, k, shift, 2) : FN(sum_block)(x + i, k, shift, 1);
    }
    return s;
}

/* var = mean((x - m)^2) - (mean - m)^2, m the mean rounded to float. */
static void FN(moments64)(const float *x, int64_t n, double *mean, double *var) {
    double m = FN(sum_all)(x, n, 0.0f, 1) / (double)n, d = m - (double)(float)m;
    *mean = m;
    *var = FN(sum_all)(x, n, (float)m, 2) / (double)n - d * d;
    if (*var < 0) *var = 0;
}

static void FN(moments)(const float *x, int64_t n, float *mean, float *var) {
    double m, v;
    FN(moments64)(x, n, &m, &v);
    *mean = (float)m, *var = (float)v;
}

static void FN(add)(float *y, const float *a, const float *b, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(y + i, v_add(v_load(a + i), v_load(b + i)));
    for (; i < n; i++) y[i] = a[i] + b[i];
}

/* y = (t - mean) * inv * scale + bias; scale and bias may be NULL. */
static void FN(scale_row)(float *y, const float *t, int64_t n, float mean, float inv, const float *scale,
                          const float *bias) {
    vf m = v_set1(mean), k = v_set1(inv), one = v_set1(1.0f), zero = v_set1(0.0f);
    int64_t i = 0;
    for (; i < n; i += VL) {
        int64_t c = n - i < VL ? n - i : VL;
        if (c == VL) {
            vf v = v_mul(v_sub(v_load(t + i), m), k);
            v_store(y + i, v_fma(v, scale ? v_load(scale + i) : one, bias ? v_load(bias + i) : zero));
        } else {
            vf v = v_mul(v_sub(v_load_n(t + i, c), m), k);
            v_store_n(y + i, v_fma(v, scale ? v_load_n(scale + i, c) : one, bias ? v_load_n(bias + i, c) : zero), c);
        }
    }
}

static void FN(layer_row)(const k_layer_args *a, int64_t r) {
    const float *t = a->x + r * a->n;
    float *y = a->y + r * a->n;
    if (a->residual) {
        float *sum = a->sum ? a->sum + r * a->n : y;
        FN(add)(sum, t, a->residual + r * a->n, a->n);
        t = sum;
    } else if (a->sum && a->sum + r * a->n != t) {
        memcpy(a->sum + r * a->n, t, (size_t)a->n * sizeof(float));
    }
    double mean = 0, var;
    if (a->rms) var = FN(sum_all)(t, a->n, 0.0f, 2) / (double)a->n;
    else FN(moments64)(t, a->n, &mean, &var);
    double inv = 1 / sqrt(var + (double)a->eps);
    FN(scale_row)(y, t, a->n, (float)mean, (float)inv, a->scale, a->bias);
    if (a->mean) a->mean[r] = (float)mean;
    if (a->inv) a->inv[r] = (float)inv;
}

static void FN(layer)(const k_layer_args *a, int64_t row_begin, int64_t row_end) {
    for (int64_t r = row_begin; r < row_end; r++) FN(layer_row)(a, r);
}

static void FN(affine)(float *y, const float *x, int64_t rows, int64_t n, const float *a, const float *b) {
    for (int64_t r = 0; r < rows; r++) {
        vf va = v_set1(a[r]), vb = v_set1(b[r]);
        const float *xr = x + r * n;
        float *yr = y + r * n;
        int64_t i = 0;
        for (; i + VL <= n; i += VL) v_store(yr + i, v_fma(v_load(xr + i), va, vb));
        if (i < n) v_store_n(yr + i, v_fma(v_load_n(xr + i, n - i), va, vb), n - i);
    }
}

static void FN(column_affine)(float *y, const float *x, int64_t rows, int64_t cols, int64_t ld, const float *a,
                              const float *b) {
    for (int64_t r = 0; r < rows; r++) {
        const float *xr = x + r * ld;
        float *yr = y + r * ld;
        int64_t c = 0;
        for (; c + VL <= cols; c += VL) v_store(yr + c, v_fma(v_load(xr + c), v_load(a + c), v_load(b + c)));
        if (c < cols)
            v_store_n(yr + c, v_fma(v_load_n(xr + c, cols - c), v_load_n(a + c, cols - c), v_load_n(b + c, cols - c)),
                      cols - c);
    }
}

/* Sums of (x - shift)^power of `k` <= VL columns at x: blocks of 64 rows, blocks added in pairs of doubles by lane. */
static void FN(column_sums)(const float *x, int64_t rows, int64_t ld, int64_t k, vf shift, int power, double *out) {
    for (int64_t c = 0; c < k; c++) out[c] = 0;
    for (int64_t r = 0; r < rows; r += 64) {
        int64_t stop = rows - r < 64 ? rows : r + 64;
        vf s = v_set1(0.0f);
        for (int64_t i = r; i < stop; i++) {
            vf t = v_sub(k == VL ? v_load(x + i * ld) : v_load_n(x + i * ld, k), shift);
            s = power == 2 ? v_fma(t, t, s) : v_add(s, t);
        }
        float lanes[VL];
        v_store(lanes, s);
        for (int64_t c = 0; c < k; c++) out[c] += (double)lanes[c];
    }
}

static void FN(column_moments)(const float *x, int64_t rows, int64_t cols, int64_t ld, float *mean, float *var) {
    for (int64_t c = 0; c < cols; c += VL) {
        int64_t k = cols - c < VL ? cols - c : VL;
        double s[VL], q[VL];
        FN(column_sums)(x + c, rows, ld, k, v_set1(0.0f), 1, s);
        for (int64_t i = 0; i < k; i++) mean[c + i] = (float)(s[i] / (double)rows);
        FN(column_sums)(x + c, rows, ld, k, v_load_n(mean + c, k), 2, q);
        for (int64_t i = 0; i < k; i++) {
            double d = s[i] / (double)rows - (double)mean[c + i], v = q[i] / (double)rows - d * d;
            var[c + i] = v < 0 ? 0.0f : (float)v;
        }
    }
}

static double FN(l1)(const float *x, int64_t n) {
    double s = 0;
    for (int64_t i = 0; i < n;) {
        vf acc = v_set1(0.0f);
        int64_t stop = i + 32 * VL < n ? i + 32 * VL : n;
        for (; i < stop; i += VL) acc = v_add(acc, v_abs(v_load_n(x + i, stop - i < VL ? stop - i : VL)));
        i = stop;
        s += (double)v_hsum(acc);
    }
    return s;
}

static void FN(lp)(float *y, const float *x, int64_t n, int64_t step, int p) {
    double s = 0;
    if (step == 1) s = p == 1 ? FN(l1)(x, n) : FN(sum_all)(x, n, 0.0f, 2);
    else
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[i * step];
            s += p == 1 ? fabs(v) : v * v;
        }
    double norm = p == 1 ? s : sqrt(s);
    float k = norm == 0 ? 0.0f : (float)(1 / norm);
    for (int64_t i = 0; i < n; i++) y[i * step] = x[i * step] * k;
}

static inline __attribute__((always_inline)) void FN(lrn_lanes)(const k_lrn_args *a, int64_t i, int64_t k) {
    const float *x = a->x + i;
    vf s = v_set1(0.0f);
    for (int64_t c = a->from; c <= a->to; c++) {
        vf t = k < VL ? v_load_n(x + c * a->step, k) : v_load(x + c * a->step);
        s = v_fma(t, t, s);
    }
    s = v_fma(v_set1(a->alpha), s, v_set1(a->bias));
    vf y = v_mul(k < VL ? v_load_n(x, k) : v_load(x), v_exp(v_mul(v_set1(-a->beta), v_log(s))));
    if (k < VL) v_store_n(a->y + i, y, k);
    else v_store(a->y + i, y);
}

static void FN(lrn)(const k_lrn_args *a) {
    int64_t i = 0;
    for (; i + VL <= a->n; i += VL) FN(lrn_lanes)(a, i, VL);
    if (i < a->n) FN(lrn_lanes)(a, i, a->n - i);
}
