/* SPDX-License-Identifier: MIT
 *
 * Softmax over lanes.h: contiguous rows (max, exp and sum, scale: three passes over a row in L1), and columns, where a
 * block of columns keeps its maxima and sums in the workspace and the axis is walked row by row.
 */
#include "kernels/softmax/softmax.h"
#include "kernels/vmath.h"

static float FN(row_max)(const float *x, int64_t n) {
    vf m = v_set1(-INFINITY), bad = v_set1(0.0f);
    int64_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf v = v_load(x + i);
        m = v_max(v, m);
        bad = v_blend(v_eq(v, v), bad, v);
    }
    float best = v_hmax(m);
    for (; i < n; i++) {
        if (x[i] > best) best = x[i];
        if (x[i] != x[i]) best = x[i];
    }
    float lanes[VL];
    v_store(lanes, bad);
    for (int j = 0; j < VL; j++)
        if (lanes[j] != lanes[j]) return lanes[j];
    return best;
}

/* Sum of exp(x - max); y (if not NULL) receives the terms. */
static float FN(row_exp)(float *y, const float *x, int64_t n, float max) {
    vf m = v_set1(max), total = v_set1(0.0f);
    int64_t i = 0;
    while (i + VL <= n) {
        vf s = v_set1(0.0f); /* blocks of 64 vectors keep the rounding error small */
        int64_t stop = i + 64 * VL < n ? i + 64 * VL : n;
        for (; i + VL <= stop; i += VL) {
            vf e = v_exp_neg(v_sub(v_load(x + i), m));
            if (y) v_store(y + i, e);
            s = v_add(s, e);
        }
        total = v_add(total, s);
    }
    float sum = v_hsum(total);
    if (i < n) {
        float lanes[VL];
        v_store(lanes, v_exp_neg(v_sub(v_load_n(x + i, n - i), m)));
        for (int64_t j = 0; i + j < n; j++) {
            sum += lanes[j];
            if (y) y[i + j] = lanes[j];
        }
    }
    return sum;
}

static void FN(row)(float *y, const float *x, int64_t n, bool log_) {
    float max = FN(row_max)(x, n), sum = FN(row_exp)(log_ ? 0 : y, x, n, max);
    float a = log_ ? 1.0f : 1.0f / sum, b = log_ ? -logf(sum) : 0.0f;
    if (max == INFINITY) a = b = NAN;
    vf va = v_set1(a), vb = v_set1(b), m = v_set1(log_ ? max : 0.0f);
    const float *src = log_ ? x : y;
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(y + i, v_fma(v_sub(v_load(src + i), m), va, vb));
    if (i < n) v_store_n(y + i, v_fma(v_sub(v_load_n(src + i, n - i), m), va, vb), n - i);
}

static void FN(rows)(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t rows, int64_t n, bool log_) {
    if (n == 0) return;
    for (int64_t r = 0; r < rows; r++) FN(row)(y + r * ldy, x + r * ldx, n, log_);
}

/* max[c] over the axis, NaN if any. */
static void FN(column_max)(float *max, const float *x, int64_t n, int64_t ld, int64_t cols) {
    for (int64_t c = 0; c < cols; c++) max[c] = x[c];
    for (int64_t j = 1; j < n; j++) {
        const float *row = x + j * ld;
        int64_t c = 0;
        for (; c + VL <= cols; c += VL) v_store(max + c, v_max_nan(v_load(max + c), v_load(row + c)));
        if (c < cols) v_store_n(max + c, v_max_nan(v_load_n(max + c, cols - c), v_load_n(row + c, cols - c)), cols - c);
    }
}

static void FN(column_exp)(float *y, float *sum, const float *x, const float *max, int64_t cols, bool log_) {
    int64_t c = 0;
    for (; c + VL <= cols; c += VL) {
        vf e = v_exp_neg(v_sub(v_load(x + c), v_load(max + c)));
        v_store(sum + c, v_add(v_load(sum + c), e));
        if (!log_) v_store(y + c, e);
    }
    if (c == cols) return;
    int64_t k = cols - c;
    vf e = v_exp_neg(v_sub(v_load_n(x + c, k), v_load_n(max + c, k)));
    v_store_n(sum + c, v_add(v_load_n(sum + c, k), e), k);
    if (!log_) v_store_n(y + c, e, k);
}

/* y = y * a (softmax), or x - m - a (log). */
static void FN(column_finish)(float *y, const float *x, const float *max, const float *a, int64_t cols, bool log_) {
    int64_t c = 0;
    for (; c < cols; c += VL) {
        int64_t k = cols - c < VL ? cols - c : VL;
        vf v = log_ ? v_sub(v_sub(v_load_n(x + c, k), v_load_n(max + c, k)), v_load_n(a + c, k))
                    : v_mul(v_load_n(y + c, k), v_load_n(a + c, k));
        v_store_n(y + c, v, k);
    }
}

static void FN(column_block)(float *y, const float *x, int64_t n, int64_t ld, int64_t cols, bool log_, float *max) {
    float *sum = max + K_SOFTMAX_COLUMNS;
    FN(column_max)(max, x, n, ld, cols);
    for (int64_t c = 0; c < cols; c++) sum[c] = 0;
    for (int64_t j = 0; j < n; j++) FN(column_exp)(y + j * ld, sum, x + j * ld, max, cols, log_);
    for (int64_t c = 0; c < cols; c++) {
        sum[c] = log_ ? logf(sum[c]) : 1.0f / sum[c];
        if (max[c] == INFINITY) sum[c] = NAN;
    }
    for (int64_t j = 0; j < n; j++) FN(column_finish)(y + j * ld, x + j * ld, max, sum, cols, log_);
}

static void FN(columns)(float *y, const float *x, int64_t n, int64_t ld, int64_t begin, int64_t end, bool log_,
                        float *workspace) {
    if (n == 0) return;
    for (int64_t c = begin; c < end; c += K_SOFTMAX_COLUMNS) {
        int64_t cols = end - c < K_SOFTMAX_COLUMNS ? end - c : K_SOFTMAX_COLUMNS;
        FN(column_block)(y + c, x + c, n, ld, cols, log_, workspace);
    }
}
