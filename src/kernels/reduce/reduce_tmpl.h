/* SPDX-License-Identifier: MIT
 *
 * Reductions over lanes.h. Contiguous: 4 vector accumulators over blocks that are added up in double. Inner dim: up to
 * 4 vectors of columns stay in registers while the rows stream by, in three levels of blocks of 64.
 */
#include "kernels/reduce/reduce.h"
#include "kernels/vmath.h"

/* What one more vector of elements does to an accumulator; op is a constant at each call. m: the maximum (LOGSUMEXP).
 */
static inline __attribute__((always_inline)) vf FN(step)(k_reduce_op op, vf acc, vf x, vf m) {
    switch (op) {
    case K_REDUCE_L1: return v_add(acc, v_abs(x));
    case K_REDUCE_L2:
    case K_REDUCE_SUMSQ: return v_fma(x, x, acc);
    case K_REDUCE_LOGSUMEXP: return v_add(acc, v_exp(v_sub(x, m)));
    case K_REDUCE_MAX: return v_max_nan(acc, x);
    case K_REDUCE_MIN: return v_min_nan(acc, x);
    default: return v_add(acc, x);
    }
}

static inline __attribute__((always_inline)) vf FN(join)(k_reduce_op op, vf a, vf b) {
    return op == K_REDUCE_MAX ? v_max_nan(a, b) : op == K_REDUCE_MIN ? v_min_nan(a, b) : v_add(a, b);
}

static float FN(neutral)(k_reduce_op op) {
    return op == K_REDUCE_MAX ? -INFINITY : op == K_REDUCE_MIN ? INFINITY : op == K_REDUCE_PROD ? 1.0f : 0.0f;
}

static float FN(finish)(k_reduce_op op, double v, int64_t n, float m) {
    switch (op) {
    case K_REDUCE_MEAN: return n ? (float)(v / (double)n) : NAN;
    case K_REDUCE_L2: return (float)sqrt(v);
    case K_REDUCE_LOGSUM: return (float)log(v);
    case K_REDUCE_LOGSUMEXP: return (float)((double)m + log(v));
    default: return (float)v;
    }
}

static double FN(join_lanes)(k_reduce_op op, vf acc, double total) {
    float lane[VL];
    v_store(lane, acc);
    for (int i = 0; i < VL; i++) {
        double v = (double)lane[i];
        if (op == K_REDUCE_MAX) total = v != v || v > total ? v : total;
        else if (op == K_REDUCE_MIN) total = v != v || v < total ? v : total;
        else total += v;
        if (total != total) break;
    }
    return total;
}

static inline __attribute__((always_inline)) double FN(row_op)(k_reduce_op op, const float *x, int64_t n, float max) {
    vf init = v_set1(FN(neutral)(op)), m = v_set1(max);
    double total = (double)FN(neutral)(op);
    for (int64_t i = 0; i < n;) {
        vf acc[4] = {init, init, init, init};
        int64_t stop = n - i > 64 * VL ? i + 64 * VL : n;
        for (; i + 4 * VL <= stop; i += 4 * VL)
#pragma GCC unroll 4
            for (int u = 0; u < 4; u++) acc[u] = FN(step)(op, acc[u], v_load(x + i + u * VL), m);
        for (; i + VL <= stop; i += VL) acc[0] = FN(step)(op, acc[0], v_load(x + i), m);
        if (i < stop) { /* lanes past the end keep the neutral element */
            float lane[VL];
            v_store(lane, FN(step)(op, init, v_load_n(x + i, stop - i), m));
            acc[1] = FN(join)(op, acc[1], v_blend(v_first(stop - i), v_load(lane), init));
            i = stop;
        }
        total = FN(join_lanes)(op, FN(join)(op, FN(join)(op, acc[0], acc[1]), FN(join)(op, acc[2], acc[3])), total);
        if (total != total) break;
    }
    return total;
}

static double FN(product)(const float *x, int64_t n, int64_t stride) {
    double p[4] = {1, 1, 1, 1};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int u = 0; u < 4; u++) p[u] *= (double)x[(i + u) * stride];
    for (; i < n; i++) p[0] *= (double)x[i * stride];
    return (p[0] * p[1]) * (p[2] * p[3]);
}

static float FN(finite_max)(const float *x, int64_t n) {
    float m = (float)FN(row_op)(K_REDUCE_MAX, x, n, 0.0f);
    return m == INFINITY || m == -INFINITY ? 0.0f : m;
}

static float FN(row)(k_reduce_op op, const float *x, int64_t n) {
    float m = 0;
    double v = 0;
    switch (op) {
    case K_REDUCE_SUM:
    case K_REDUCE_MEAN:
    case K_REDUCE_LOGSUM: v = FN(row_op)(K_REDUCE_SUM, x, n, 0); break;
    case K_REDUCE_L1: v = FN(row_op)(K_REDUCE_L1, x, n, 0); break;
    case K_REDUCE_L2:
    case K_REDUCE_SUMSQ: v = FN(row_op)(K_REDUCE_SUMSQ, x, n, 0); break;
    case K_REDUCE_LOGSUMEXP:
        m = FN(finite_max)(x, n);
        v = FN(row_op)(K_REDUCE_LOGSUMEXP, x, n, m);
        break;
    case K_REDUCE_MAX: v = FN(row_op)(K_REDUCE_MAX, x, n, 0); break;
    case K_REDUCE_MIN: v = FN(row_op)(K_REDUCE_MIN, x, n, 0); break;
    case K_REDUCE_PROD: v = FN(product)(x, n, 1); break;
    case K_REDUCE_OPS: break;
    }
    return FN(finish)(op, v, n, m);
}

/* out[0..W*VL) of W vectors of columns; k < VL masks the only vector. */
static inline __attribute__((always_inline)) void FN(columns_op)(k_reduce_op op, float *out, const float *x, int64_t n,
                                                                 int64_t ld, const float *max, const int W, int64_t k) {
    vf init = v_set1(FN(neutral)(op)), low[4], mid[4], top[4], m[4];
#pragma GCC unroll 4
    for (int w = 0; w < W; w++) low[w] = mid[w] = top[w] = init, m[w] = v_load(max + w * VL);
    for (int64_t r = 0; r < n; r++) {
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) {
            vf v = k < VL ? v_load_n(x + r * ld, k) : v_load(x + r * ld + w * VL);
            low[w] = FN(step)(op, low[w], v, m[w]);
        }
        if ((r & 63) != 63) continue;
        for (int w = 0; w < W; w++) mid[w] = FN(join)(op, mid[w], low[w]), low[w] = init;
        if ((r & 4095) != 4095) continue;
        for (int w = 0; w < W; w++) top[w] = FN(join)(op, top[w], mid[w]), mid[w] = init;
    }
#pragma GCC unroll 4
    for (int w = 0; w < W; w++) v_store(out + w * VL, FN(join)(op, top[w], FN(join)(op, mid[w], low[w])));
}

static void FN(columns_pick)(k_reduce_op op, float *out, const float *x, int64_t n, int64_t ld, const float *max,
                             int64_t cols) {
#define PICK(OP)                                                                                                       \
    case OP:                                                                                                           \
        if (cols == 4 * VL) FN(columns_op)(OP, out, x, n, ld, max, 4, VL);                                             \
        else if (cols == VL) FN(columns_op)(OP, out, x, n, ld, max, 1, VL);                                            \
        else FN(columns_op)(OP, out, x, n, ld, max, 1, cols);                                                          \
        break;
    switch (op) {
        PICK(K_REDUCE_SUM)
        PICK(K_REDUCE_L1)
        PICK(K_REDUCE_SUMSQ)
        PICK(K_REDUCE_LOGSUMEXP)
        PICK(K_REDUCE_MAX)
        PICK(K_REDUCE_MIN)
    default: break;
    }
#undef PICK
}

static k_reduce_op FN(core)(k_reduce_op op) {
    return op == K_REDUCE_MEAN || op == K_REDUCE_LOGSUM ? K_REDUCE_SUM : op == K_REDUCE_L2 ? K_REDUCE_SUMSQ : op;
}

/* cols is 4 * VL, VL or less. */
static void FN(columns)(k_reduce_op op, float *y, const float *x, int64_t n, int64_t ld, int64_t cols) {
    float out[4 * VL], max[4 * VL] = {0};
    if (op == K_REDUCE_PROD) {
        for (int64_t c = 0; c < cols; c++) y[c] = (float)FN(product)(x + c, n, ld);
        return;
    }
    if (op == K_REDUCE_LOGSUMEXP) {
        FN(columns_pick)(K_REDUCE_MAX, out, x, n, ld, max, cols);
        for (int64_t c = 0; c < cols; c++) max[c] = out[c] == INFINITY || out[c] == -INFINITY ? 0.0f : out[c];
    }
    FN(columns_pick)(FN(core)(op), out, x, n, ld, max, cols);
    for (int64_t c = 0; c < cols; c++) y[c] = FN(finish)(op, (double)out[c], n, max[c]);
}

static void FN(run)(k_reduce_op op, float *y, const float *x, int64_t n, int64_t inner, int64_t begin, int64_t end) {
    if (inner == 1) {
        for (int64_t i = begin; i < end; i++) y[i] = FN(row)(op, x + i * n, n);
        return;
    }
    for (int64_t i = begin; i < end;) {
        int64_t c = i % inner, left = inner - c < end - i ? inner - c : end - i;
        int64_t cols = left >= 4 * VL ? 4 * VL : left < VL ? left : VL;
        FN(columns)(op, y + i, x + i / inner * n * inner + c, n, inner, cols);
        i += cols;
    }
}

/* Two passes: the best value, then where it stands. */
static int64_t FN(arg_row)(bool max, bool last, const float *x, int64_t n) {
    float best = (float)(max ? FN(row_op)(K_REDUCE_MAX, x, n, 0) : FN(row_op)(K_REDUCE_MIN, x, n, 0));
    bool nan = best != best;
    if (last)
        for (int64_t i = n - 1; i > 0; i--)
            if (nan ? x[i] != x[i] : x[i] == best) return i;
    for (int64_t i = 0; i < n; i++)
        if (nan ? x[i] != x[i] : x[i] == best) return i;
    return 0;
}

static int64_t FN(arg_column)(bool max, bool last, const float *x, int64_t n, int64_t ld) {
    int64_t at = 0;
    float best = x[0];
    for (int64_t i = 1; i < n; i++) {
        float v = x[i * ld];
        bool equal = v == best || (v != v && best != best);
        bool better = v != v ? best == best : max ? v > best : v < best;
        if (better || (last && equal)) at = i, best = v;
    }
    return at;
}

static void FN(arg)(bool max, bool last, int64_t *y, const float *x, int64_t n, int64_t inner, int64_t begin,
                    int64_t end) {
    for (int64_t i = begin; i < end; i++)
        y[i] = inner == 1 ? FN(arg_row)(max, last, x + i * n, n)
                          : FN(arg_column)(max, last, x + i / inner * n * inner + i % inner, n, inner);
}
