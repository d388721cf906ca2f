/* SPDX-License-Identifier: MIT
 *
 * Differences, covariance, and integrals by trapezoids.
 */
#include "script/aten/arith.h"
#include "script/aten/aten.h"

/* x[1:] and x[:-1] along dim */
static sten *later(lower *L, sten *x, int dim) { return view_slice(L, x, dim, sv_int(1), sv_int(INT64_MAX), 1); }
static sten *earlier(lower *L, sten *x, int dim) {
    return view_slice(L, x, dim, sv_int(0), s_sub(L, t_dim(L, x, dim), sv_int(1)), 1);
}

static sten *joined(lower *L, sten *a, sten *b, int dim) {
    if (!a || !b) return a ? a : b;
    promote2(L, &a, &b);
    return EMITA(Concat, ATTRS(AI("axis", dim)), a, b);
}

static sten *step(lower *L, sten *x, int dim) {
    if (s_is(t_dim(L, x, dim), 0)) return fresh(L, x);
    sten *a = later(L, x, dim), *b = earlier(L, x, dim);
    return t_dtype(L, x) == NARU_BOOL ? EMIT(Xor, a, b) : ar_sub(L, a, b);
}

void aten_diff(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t n = arg_int(L, 1);
    int rank = t_rank(L, x);
    if (lower_ok(L) && rank == 0) lower_raise(L, "RuntimeError", "diff expects input to be at least one-dimensional");
    if (n < 0) lower_raise(L, "RuntimeError", "order must be non-negative but got %lld", (long long)n);
    int dim = arg_axis(L, 2, rank);
    if (n == 0) {
        ret_tensor(L, fresh(L, x));
        return;
    }
    x = joined(L, joined(L, arg_tensor_opt(L, 3), x, dim), arg_tensor_opt(L, 4), dim);
    for (int64_t i = 0; i < n && lower_ok(L); i++) {
        x = step(L, x, dim);
        if (s_is(t_dim(L, x, dim), 0)) break;
    }
    ret_tensor(L, x);
}

/* ---- covariance: variables are rows ---- */
static sten *transposed(lower *L, sten *x) { return view_transpose(L, x, 0, 1); }

/* Weights of observations: counts times importances; NULL: none. */
static sten *weights_of(lower *L, sten *counts, sten *importance, naru_dtype d) {
    if (counts) counts = cast(L, counts, d);
    if (importance) importance = cast(L, importance, d);
    if (!counts || !importance) return counts ? counts : importance;
    return EMIT(Mul, counts, importance);
}

static sten *sum_all(lower *L, sten *x) { return ar_reduce(L, &op_ReduceSum, x, 0, NULL, false); }

static sten *covariance(lower *L, sten *x, double correction, sten *counts, sten *importance) {
    int rank = t_rank(L, x);
    if (lower_ok(L) && rank > 2)
        lower_raise(L, "RuntimeError",
                    "cov(): expected input to have two or fewer dimensions but got an input with %d "
                    "dimensions",
                    rank);
    if (t_dtype(L, x) == NARU_BOOL) lower_raise(L, "RuntimeError", "cov(): bool dtype is not supported for input");
    x = to_float(L, x);
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) lower_fail(L, NARU_UNSUPPORTED, "cov of complex numbers");
    for (; rank < 2; rank++) x = view_unsqueeze(L, x, 0);
    const int64_t along[] = {1};
    sten *w = weights_of(L, counts, importance, d), *center, *norm;
    if (w) {
        sten *total = sum_all(L, w);
        center = EMIT(Div, ar_reduce(L, &op_ReduceSum, EMIT(Mul, x, w), 1, along, true), total);
        norm = EMIT(Sub, total,
                    importance && correction != 0
                        ? ar_mulc(L, EMIT(Div, sum_all(L, EMIT(Mul, w, cast(L, importance, d))), total), correction)
                        : lit(L, d, correction));
    } else {
        center = ar_reduce(L, &op_ReduceMean, x, 1, along, true);
        norm = ar_addc(L, scalar_tensor(L, t_dim(L, x, 1), d), -correction);
    }
    sten *gap = EMIT(Sub, x, center);
    sten *c = EMIT(MatMul, w ? EMIT(Mul, gap, w) : gap, transposed(L, gap));
    return EMIT(Div, c, EMIT(Max, norm, lit(L, d, 0)));
}

/* One variable gives one number. */
static sten *square_or_scalar(lower *L, sten *c, int rank) { return rank < 2 ? view_shape(L, c, 0, NULL, false) : c; }
void aten_cov(lower *L) {
    sten *x = arg_tensor(L, 0);
    sten *c = covariance(L, x, (double)arg_int(L, 1), arg_tensor_opt(L, 2), arg_tensor_opt(L, 3));
    ret_tensor(L, square_or_scalar(L, c, t_rank(L, x)));
}

void aten_corrcoef(lower *L) {
    sten *x = arg_tensor(L, 0), *c = covariance(L, x, 1, NULL, NULL);
    naru_dtype d = t_dtype(L, c);
    int rank = t_rank(L, x);
    if (rank < 2) {
        sten *one = square_or_scalar(L, c, rank);
        ret_tensor(L, EMIT(Div, one, one));
        return;
    }
    sten *s = EMIT(Sqrt, view_diagonal(L, c, 0, 0, 1));
    sten *r = EMIT(Div, EMIT(Div, c, view_unsqueeze(L, s, 1)), view_unsqueeze(L, s, 0));
    ret_tensor(L, EMIT(Clip, r, lit(L, d, -1), lit(L, d, 1)));
}

/* ---- trapezoids ---- */
static sten *trapezoids(lower *L, sten *y, sten *x, int dim) { /* x: NULL for unit steps */
    sten *sum = ar_add(L, later(L, y, dim), earlier(L, y, dim));
    if (!x) return sum;
    int rank = t_rank(L, y);
    sten *dx;
    if (t_rank(L, x) == 1) {
        int64_t dims[NARU_MAX_RANK];
        dx = ar_sub(L, later(L, x, 0), earlier(L, x, 0));
        for (int i = 0; i < rank - dim; i++) dims[i] = i ? 1 : -1;
        dx = ar_reshape(L, dx, rank - dim, dims);
    } else {
        int at = t_rank(L, x) - rank + dim;
        if (at < 0) lower_raise(L, "RuntimeError", "trapezoid: There must be one `x` value for each sample point");
        dx = ar_sub(L, later(L, x, at), earlier(L, x, at));
    }
    return ar_mul(L, sum, dx);
}

static sten *zeros_without(lower *L, sten *y, int dim) { /* an empty or single sample along dim: nothing to add up */
    return ar_reduce(L, &op_ReduceSum, view_slice(L, to_float(L, y), dim, sv_int(0), sv_int(0), 1), 1, (int64_t[]){dim},
                     false);
}

static void trapezoid(lower *L, sten *x, double dx) {
    sten *y = arg_tensor(L, 0);
    int dim = arg_axis(L, 2, t_rank(L, y));
    if (s_is(t_dim(L, y, dim), 0)) {
        ret_tensor(L, zeros_without(L, y, dim));
        return;
    }
    if (t_dtype(L, y) == NARU_BOOL || (x && t_dtype(L, x) == NARU_BOOL))
        lower_raise(L, "RuntimeError", "trapezoid: received a bool input");
    sten *s = ar_reduce(L, &op_ReduceSum, trapezoids(L, y, x, dim), 1, (int64_t[]){dim}, false);
    ret_tensor(L, ar_mulc(L, to_float(L, s), dx / 2));
}
void aten_trapezoid_x(lower *L) { trapezoid(L, arg_tensor(L, 1), 1); }
void aten_trapezoid(lower *L) { trapezoid(L, NULL, arg_float(L, 1)); }

static void running(lower *L, sten *x, double dx) {
    sten *y = arg_tensor(L, 0);
    int dim = arg_axis(L, 2, t_rank(L, y));
    sten *t = ar_mulc(L, to_float(L, trapezoids(L, y, x, dim)), dx / 2);
    ret_tensor(L, EMIT(CumSum, t, lit_int(L, dim)));
}
void aten_cumulative_trapezoid_x(lower *L) { running(L, arg_tensor(L, 1), 1); }
void aten_cumulative_trapezoid(lower *L) { running(L, NULL, arg_float(L, 1)); }
