/* SPDX-License-Identifier: MIT
 *
 * Losses: a value for each element or sample, then (reduction 1) its mean or (2) its sum; 0 leaves it.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

enum { NONE, MEAN, SUM };

static sten *reduced(lower *L, sten *x, int64_t reduction) {
    if (reduction == MEAN) return ar_reduce(L, &op_ReduceMean, x, 0, NULL, false);
    if (reduction == SUM) return ar_reduce(L, &op_ReduceSum, x, 0, NULL, false);
    if (reduction != NONE)
        lower_raise(L, "RuntimeError", "%lld is not a valid value for reduction", (long long)reduction);
    return x;
}

static sten *constant(lower *L, sten *x, double v) { return lit(L, t_dtype(L, x), v); }
static sten *square(lower *L, sten *x) { return EMIT(Mul, x, x); }
static sten *at_least(lower *L, sten *x, double v) { return EMIT(Clip, x, constant(L, x, v), NULL); }
static sten *where_equal(lower *L, sten *t, double v, sten *a, sten *b) {
    return ar_where(L, EMIT(Equal, t, constant(L, t, v)), a, b);
}

/* ---- distances ---- */
static sten *gap(lower *L) { return ar_abs(L, ar_sub(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

void aten_mse_loss(lower *L) {
    sten *d = ar_sub(L, arg_tensor(L, 0), arg_tensor(L, 1));
    ret_tensor(L, reduced(L, square(L, d), arg_int(L, 2)));
}
void aten_l1_loss(lower *L) { ret_tensor(L, reduced(L, gap(L), arg_int(L, 2))); }

/* Below `limit` a parabola, above a line that continues it. */
static sten *rounded(lower *L, sten *z, double limit, double scale) {
    sten *near = ar_mulc(L, square(L, z), 0.5 * scale);
    sten *far = ar_mulc(L, ar_addc(L, z, -0.5 * limit), limit * scale);
    return ar_where(L, EMIT(Less, z, constant(L, z, limit)), near, far);
}
void aten_smooth_l1_loss(lower *L) {
    double beta = arg_float(L, 3);
    sten *z = gap(L);
    if (beta < 0) lower_raise(L, "RuntimeError", "smooth_l1_loss does not support negative values for beta.");
    ret_tensor(L, reduced(L, beta == 0 ? z : rounded(L, z, beta, 1 / beta), arg_int(L, 2)));
}
void aten_huber_loss(lower *L) {
    double delta = arg_float(L, 3);
    if (!(delta > 0)) lower_raise(L, "RuntimeError", "huber_loss does not support non-positive values for delta.");
    ret_tensor(L, reduced(L, rounded(L, gap(L), delta, 1), arg_int(L, 2)));
}

/* ---- probabilities ---- */
static sten *weighted(lower *L, sten *x, int weight_arg) {
    sten *w = arg_tensor_opt(L, weight_arg);
    return w ? EMIT(Mul, x, cast(L, w, t_dtype(L, x))) : x;
}
static sten *one_minus(lower *L, sten *x) { return EMIT(Sub, constant(L, x, 1), x); }

void aten_binary_cross_entropy(lower *L) {
    sten *x = arg_tensor(L, 0), *t = arg_tensor(L, 1);
    t = cast(L, t, t_dtype(L, x));
    if (lower_ok(L) && !lower_recording(L)) {
        sten *outside = EMIT(Or, EMIT(Less, x, constant(L, x, 0)), EMIT(Greater, x, constant(L, x, 1)));
        sv bad = item(L, ar_any(L, outside));
        if (bad.tag == SV_BOOL && bad.b)
            lower_raise(L, "RuntimeError", "all elements of input should be between 0 and 1");
    }
    sten *yes = at_least(L, EMIT(Log, x), -100), *no = at_least(L, EMIT(Log, one_minus(L, x)), -100);
    sten *loss = EMIT(Sub, EMIT(Mul, EMIT(Sub, t, constant(L, t, 1)), no), EMIT(Mul, t, yes));
    ret_tensor(L, reduced(L, weighted(L, loss, 2), arg_int(L, 3)));
}

/* (1 - t) x + (1 + (p - 1) t) softplus(-x) */
void aten_binary_cross_entropy_with_logits(lower *L) {
    sten *x = arg_tensor(L, 0), *t = cast(L, arg_tensor(L, 1), t_dtype(L, x)), *p = arg_tensor_opt(L, 3);
    sten *rest = EMIT(Softplus, EMIT(Neg, x));
    if (p) rest = EMIT(Mul, ar_addc(L, EMIT(Mul, ar_addc(L, cast(L, p, t_dtype(L, x)), -1), t), 1), rest);
    sten *loss = EMIT(Add, EMIT(Mul, one_minus(L, t), x), rest);
    ret_tensor(L, reduced(L, weighted(L, loss, 2), arg_int(L, 4)));
}

static sten *x_log_x(lower *L, sten *t) { return where_equal(L, t, 0, constant(L, t, 0), EMIT(Mul, t, EMIT(Log, t))); }

void aten_kl_div(lower *L) {
    sten *x = arg_tensor(L, 0), *t = arg_tensor(L, 1);
    promote2(L, &x, &t);
    sten *loss = arg_bool(L, 3) ? EMIT(Mul, EMIT(Exp, t), EMIT(Sub, t, x)) : EMIT(Sub, x_log_x(L, t), EMIT(Mul, t, x));
    ret_tensor(L, reduced(L, loss, arg_int(L, 2)));
}

void aten_poisson_nll_loss(lower *L) {
    sten *x = arg_tensor(L, 0), *t = arg_tensor(L, 1), *loss;
    promote2(L, &x, &t);
    if (arg_bool(L, 2)) loss = EMIT(Sub, EMIT(Exp, x), EMIT(Mul, t, x));
    else loss = EMIT(Sub, x, EMIT(Mul, t, EMIT(Log, ar_addc(L, x, arg_float(L, 4)))));
    if (arg_bool(L, 3)) {
        sten *stirling = EMIT(Add, EMIT(Sub, EMIT(Mul, t, EMIT(Log, t)), t),
                              ar_mulc(L, EMIT(Log, ar_mulc(L, t, 2 * 3.14159265358979323846)), 0.5));
        loss = EMIT(Add, loss, ar_where(L, EMIT(LessOrEqual, t, constant(L, t, 1)), constant(L, loss, 0), stirling));
    }
    ret_tensor(L, reduced(L, loss, arg_int(L, 5)));
}

/* ---- margins ---- */
void aten_soft_margin_loss(lower *L) {
    sten *x = arg_tensor(L, 0), *t = arg_tensor(L, 1);
    promote2(L, &x, &t);
    ret_tensor(L, reduced(L, EMIT(Softplus, EMIT(Neg, EMIT(Mul, t, x))), arg_int(L, 2)));
}

void aten_hinge_embedding_loss(lower *L) {
    sten *x = arg_tensor(L, 0), *t = arg_tensor(L, 1);
    sten *zero = constant(L, x, 0), *margin = at_least(L, EMIT(Sub, constant(L, x, arg_float(L, 2)), x), 0);
    sten *loss = EMIT(Add, where_equal(L, t, 1, zero, margin), where_equal(L, t, -1, zero, x));
    ret_tensor(L, reduced(L, loss, arg_int(L, 3)));
}

void aten_margin_ranking_loss(lower *L) {
    sten *gap_ = ar_sub(L, arg_tensor(L, 0), arg_tensor(L, 1));
    sten *loss = ar_mul(L, EMIT(Neg, arg_tensor(L, 2)), gap_);
    ret_tensor(L, reduced(L, at_least(L, ar_addc(L, loss, arg_float(L, 3)), 0), arg_int(L, 4)));
}

static sten *row_sum(lower *L, sten *x) {
    return ar_reduce(L, &op_ReduceSum, x, 1, (int64_t[]){t_rank(L, x) - 1}, false);
}

void aten_cosine_embedding_loss(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *t = arg_tensor(L, 2);
    const double eps = 1e-12;
    promote2(L, &a, &b);
    sten *na = ar_addc(L, row_sum(L, square(L, a)), eps), *nb = ar_addc(L, row_sum(L, square(L, b)), eps);
    sten *cosine = EMIT(Div, row_sum(L, EMIT(Mul, a, b)), EMIT(Sqrt, EMIT(Mul, na, nb)));
    sten *zero = constant(L, cosine, 0), *far = at_least(L, ar_addc(L, cosine, -arg_float(L, 3)), 0);
    sten *loss = EMIT(Add, where_equal(L, t, 1, one_minus(L, cosine), zero), where_equal(L, t, -1, far, zero));
    ret_tensor(L, reduced(L, loss, arg_int(L, 4)));
}

static sten *pair_distance(lower *L, sten *a, sten *b, double p, double eps) {
    sten *d = ar_addc(L, ar_sub(L, a, b), eps);
    const int64_t last[] = {t_rank(L, d) - 1};
    if (p == 2) return ar_reduce(L, &op_ReduceL2, d, 1, last, false);
    if (p == 1) return ar_reduce(L, &op_ReduceL1, d, 1, last, false);
    d = EMIT(Abs, d);
    if (isinf(p)) return ar_reduce(L, &op_ReduceMax, d, 1, last, false);
    d = ar_reduce(L, &op_ReduceSum, EMIT(Pow, d, constant(L, d, p)), 1, last, false);
    return EMIT(Pow, d, constant(L, d, 1 / p));
}

void aten_triplet_margin_loss(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *c = arg_tensor(L, 2);
    double margin = arg_float(L, 3), p = arg_float(L, 4), eps = arg_float(L, 5);
    sten *near = pair_distance(L, a, b, p, eps), *far = pair_distance(L, a, c, p, eps);
    if (arg_bool(L, 6)) far = EMIT(Min, far, pair_distance(L, b, c, p, eps));
    sten *loss = at_least(L, ar_addc(L, EMIT(Sub, near, far), margin), 0);
    ret_tensor(L, reduced(L, loss, arg_int(L, 7)));
}

/* Rows of x; a 1-d x is one row. False when there is nothing to compute. */
static bool margin_rows(lower *L, sten *x, sten *t, int64_t *n, int64_t *c) {
    if (!eager_only(L) || !x || !t) return false;
    int rank = t_rank(L, x);
    *n = rank == 2 ? host_dims(x)[0] : 1;
    *c = rank ? host_dims(x)[rank - 1] : 1;
    if (rank > 2) lower_raise(L, "RuntimeError", "Expected non-empty vector or matrix with optional 0-dim batch size");
    return lower_ok(L);
}

static void margin_result(lower *L, sten *x, int64_t n, const double *loss, int64_t reduction) {
    sten *y = host_from_f64(L, t_dtype(L, x), t_rank(L, x) == 2 ? 1 : 0, &n, loss);
    ret_tensor(L, reduction == NONE ? y : reduced(L, y, reduction));
}

void aten_multi_margin_loss(lower *L) {
    sten *x = arg_tensor(L, 0), *target = arg_tensor(L, 1), *weight = arg_tensor_opt(L, 4);
    double p = arg_float(L, 2), margin = arg_float(L, 3);
    int64_t n, c, reduction = arg_int(L, 5);
    if (!margin_rows(L, x, target, &n, &c)) return;
    const double *v = host_f64(L, x), *w = weight ? host_f64(L, weight) : NULL;
    const int64_t *t = host_i64(L, target);
    double *loss = host_scratch(L, (size_t)(n + 1) * sizeof *loss);
    if (!v || !t || !loss) return;
    if (host_count(target) != n || (w && host_count(weight) != c))
        return lower_raise(L, "RuntimeError", "inconsistent target size");
    for (int64_t i = 0; i < n; i++) {
        if (t[i] < 0 || t[i] >= c) return lower_raise(L, "RuntimeError", "target out of range");
        loss[i] = 0;
        for (int64_t j = 0; j < c; j++) {
            double z = j == t[i] ? 0 : margin - v[i * c + t[i]] + v[i * c + j];
            if (z > 0) loss[i] += (p == 1 ? z : z * z) * (w ? w[t[i]] : 1);
        }
        loss[i] /= (double)c;
    }
    margin_result(L, x, n, loss, reduction);
}

/* Targets of a row end at the first -1. */
static void multilabel(lower *L, bool with_targets) {
    sten *x = arg_tensor(L, 0), *target = arg_tensor(L, 1);
    int64_t n, c, reduction = arg_int(L, 2);
    if (!margin_rows(L, x, target, &n, &c)) return;
    const double *v = host_f64(L, x);
    const int64_t *t = host_i64(L, target);
    double *loss = host_scratch(L, (size_t)(n + 1) * sizeof *loss),
           *is = host_scratch(L, (size_t)(n * c + 1) * sizeof *is);
    if (!v || !t || !loss || !is) return;
    if (host_count(target) != n * c) return lower_raise(L, "RuntimeError", "inconsistent target size");
    for (int64_t i = 0; i < n; i++) {
        const int64_t *row = t + i * c;
        double *mine = is + i * c;
        int64_t k = 0;
        for (int64_t j = 0; j < c; j++) mine[j] = 0;
        for (; k < c && row[k] >= 0; k++) {
            if (row[k] >= c) return lower_raise(L, "RuntimeError", "target out of range");
            mine[row[k]] = 1;
        }
        loss[i] = 0;
        for (int64_t a = 0; a < k; a++)
            for (int64_t j = 0; j < c; j++)
                if (!mine[j]) loss[i] += fmax(0, 1 - v[i * c + row[a]] + v[i * c + j]);
        loss[i] /= (double)c;
    }
    margin_result(L, x, n, loss, reduction);
    if (with_targets) ret_tensor(L, host_from_f64(L, t_dtype(L, x), t_rank(L, target), host_dims(target), is));
}
void aten_multilabel_margin_loss(lower *L) { multilabel(L, false); }
void aten_multilabel_margin_loss_forward(lower *L) { multilabel(L, true); }
