/* SPDX-License-Identifier: MIT
 *
 * Reductions in plain C, accumulated in double: the oracle of reduce_tmpl.h.
 */
#include "kernels/reduce/reduce.h"

#include <math.h>

static double best(const float *x, int64_t n, int64_t step, double sign) {
    double m = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double v = sign * (double)x[i * step];
        if (isnan(v)) return NAN;
        if (v > m) m = v;
    }
    return sign * m;
}

static double logsumexp(const float *x, int64_t n, int64_t step) {
    double m = best(x, n, step, 1), s = 0;
    if (isnan(m)) return m;
    if (isinf(m)) m = 0;
    for (int64_t i = 0; i < n; i++) s += exp((double)x[i * step] - m);
    return m + log(s);
}

static double sum(k_reduce_op op, const float *x, int64_t n, int64_t step) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)x[i * step];
        s += op == K_REDUCE_L1 ? fabs(v) : op == K_REDUCE_L2 || op == K_REDUCE_SUMSQ ? v * v : v;
    }
    return s;
}

static double product(const float *x, int64_t n, int64_t step) {
    double s = 1;
    for (int64_t i = 0; i < n; i++) s *= (double)x[i * step];
    return s;
}

static double one(k_reduce_op op, const float *x, int64_t n, int64_t step) {
    switch (op) {
    case K_REDUCE_SUM:
    case K_REDUCE_L1:
    case K_REDUCE_SUMSQ: return sum(op, x, n, step);
    case K_REDUCE_MEAN: return n ? sum(op, x, n, step) / (double)n : NAN;
    case K_REDUCE_L2: return sqrt(sum(op, x, n, step));
    case K_REDUCE_LOGSUM: return log(sum(op, x, n, step));
    case K_REDUCE_LOGSUMEXP: return logsumexp(x, n, step);
    case K_REDUCE_MAX: return best(x, n, step, 1);
    case K_REDUCE_MIN: return best(x, n, step, -1);
    case K_REDUCE_PROD: return product(x, n, step);
    case K_REDUCE_OPS: break;
    }
    return NAN;
}

static void run_ref(k_reduce_op op, float *y, const float *x, int64_t n, int64_t inner, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = (float)one(op, x + i / inner * n * inner + i % inner, n, inner);
}

static int64_t arg_one(bool max, bool last, const float *x, int64_t n, int64_t step) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++) {
        float v = x[i * step], b = x[at * step];
        bool equal = v == b || (isnan(v) && isnan(b));
        bool better = isnan(v) ? !isnan(b) : max ? v > b : v < b;
        if (better || (last && equal)) at = i;
    }
    return at;
}

static void arg_ref(bool max, bool last, int64_t *y, const float *x, int64_t n, int64_t inner, int64_t begin,
                    int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = arg_one(max, last, x + i / inner * n * inner + i % inner, n, inner);
}

const k_reduce k_reduce_ref = {run_ref, arg_ref};
