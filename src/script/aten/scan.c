/* SPDX-License-Identifier: MIT
 *
 * Running sums, products and extremes along a dimension. Sums and products are CumSum and CumProd when recorded; at
 * once they accumulate in double (or exactly), as PyTorch does.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

typedef struct scan_op {
    double (*f)(double, double);
    int64_t (*g)(int64_t, int64_t);
    const op_desc *record; /* NULL: not an operator */
} scan_op;

static double d_sum(double a, double b) { return a + b; }
static double d_product(double a, double b) { return a * b; }
static int64_t i_sum(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t i_product(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

static sten *scan_host(lower *L, sten *x, int dim, const scan_op *op) {
    if (!eager_only(L) || !x) return NULL;
    lines l = lines_of(L, x, dim);
    naru_dtype d = t_dtype(L, x);
    sten *y = host_new(L, d, t_rank(L, x), host_dims(x));
    void *to = y ? host_data(L, y) : NULL;
    bool ints = dtype_is_int(d) || d == NARU_BOOL;
    const double *v = ints ? NULL : host_f64(L, x);
    const int64_t *iv = ints ? host_i64(L, x) : NULL;
    double *acc = host_scratch(L, (size_t)l.inner * sizeof *acc);
    int64_t *iacc = (int64_t *)acc;
    for (int64_t o = 0; (v || iv) && to && acc && o < l.outer; o++)
        for (int64_t k = 0; k < l.n; k++) { /* all lines of an outer index together */
            int64_t at = (o * l.n + k) * l.inner;
            if (ints) {
                for (int64_t i = 0; i < l.inner; i++) iacc[i] = k ? op->g(iacc[i], iv[at + i]) : iv[at + i];
                dtype_write_i64(d, to, at, l.inner, iacc);
            } else {
                for (int64_t i = 0; i < l.inner; i++) acc[i] = k ? op->f(acc[i], v[at + i]) : v[at + i];
                dtype_write_f64(d, to, at, l.inner, acc, false);
            }
        }
    return y;
}

static void scan(lower *L, const scan_op *op) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x), dim = arg_axis(L, 1, rank);
    naru_dtype d = t_dtype(L, x);
    d = arg_dtype(L, 2, dtype_is_int(d) || d == NARU_BOOL ? NARU_INT64 : d);
    sten *y = cast(L, x, d);
    if (dtype_is_complex(d)) lower_fail(L, NARU_UNSUPPORTED, "%s of complex numbers", L->op->schema->name);
    if (rank == 0) ret_tensor(L, fresh(L, y));
    else if (!lower_recording(L)) ret_tensor(L, scan_host(L, y, dim, op));
    else ret_tensor(L, lower_op(L, op->record, NULL, 2, (sten *[]){y, lit_int(L, dim)}));
}
void aten_cumsum(lower *L) { scan(L, &(scan_op){d_sum, i_sum, &op_CumSum}); }
void aten_cumprod(lower *L) { scan(L, &(scan_op){d_product, i_product, &op_CumProd}); }

static double d_logsum(double a, double b) {
    double hi = a > b || isnan(a) ? a : b, lo = a > b || isnan(a) ? b : a;
    if (isnan(a) || isnan(b)) return NAN;
    return hi == -INFINITY || hi == INFINITY ? hi : hi + log1p(exp(lo - hi));
}
void aten_logcumsumexp(lower *L) {
    sten *x = arg_tensor(L, 0);
    int dim = arg_axis(L, 1, t_rank(L, x));
    if (!dtype_is_float(t_dtype(L, x)))
        lower_raise(L, "RuntimeError", "\"logcumsumexp_out_cpu\" not implemented for this type");
    ret_tensor(L, scan_host(L, x, dim, &(scan_op){d_logsum, i_sum, NULL}));
}

/* The same as a table of every place by every later one; without NaN. */
static void record_extreme(lower *L, sten *x, int dim, bool max) {
    int rank = t_rank(L, x), last = rank - 1;
    naru_dtype own = t_dtype(L, x), d = own == NARU_BOOL ? NARU_UINT8 : own;
    x = cast(L, x, d);
    sten *moved = dim == last ? x : view_transpose(L, x, dim, last);
    sten *zero = lit_int(L, 0), *one = lit_int(L, 1), *n = scalar_tensor(L, t_dim(L, x, dim), NARU_INT64);
    sten *places = EMIT(Range, zero, n, one);
    sten *later = EMIT(Greater, places, view_unsqueeze(L, places, 1));
    sten *never = dtype_is_float(d) ? lit(L, d, max ? -INFINITY : INFINITY)
                                    : cast(L, lit_int(L, max ? dtype_int_min(d) : (int64_t)dtype_int_max(d)), d);
    sten *seen = ar_where(L, later, never, view_unsqueeze(L, moved, last));
    sten *at = lower_op(L, max ? &op_ArgMax : &op_ArgMin,
                        ATTRS(AI("axis", rank), AI("keepdims", 0), AI("select_last_index", 1)), 1, &seen);
    at = EMIT(Min, at, places); /* a later place: what it would be is as extreme as all of the line */
    sten *found = cast(L, EMITA(GatherElements, ATTRS(AI("axis", last)), moved, at), own);
    ret_tensor(L, dim == last ? found : view_transpose(L, found, dim, last));
    ret_tensor(L, dim == last ? at : view_transpose(L, at, dim, last));
}

/* Extreme so far and the last place it occurred; a NaN stays, with the place of the latest NaN. */
static void running_extreme(lower *L, bool max) {
    sten *x = arg_tensor(L, 0);
    int rank = t_rank(L, x), dim = arg_axis(L, 1, rank);
    if (ar_for_export(L) && rank) return record_extreme(L, x, dim, max);
    if (!eager_only(L) || !(x = contiguous(L, x))) return;
    lines l = lines_of(L, x, dim);
    bool floats = dtype_is_float(t_dtype(L, x)); /* whose greatest key is NaN's */
    const int64_t *k = order_keys(L, x);
    int64_t *at, *from = host_scratch(L, (size_t)(host_count(x) + 1) * sizeof *from);
    sten *index = host_ints(L, rank, host_dims(x), &at);
    if (!k || !from || !index) return;
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        int64_t start = line_start(&l, i), best = 0;
        for (int64_t j = 0; j < l.n; j++) {
            int64_t a = k[start + j * l.inner], b = k[start + best * l.inner];
            if (max || (floats && a == INT64_MAX) ? a >= b : !(floats && b == INT64_MAX) && a <= b) best = j;
            at[start + j * l.inner] = best;
            from[start + j * l.inner] = start + best * l.inner;
        }
    }
    ret_tensor(L, pick_elements(L, x, rank, host_dims(x), from));
    ret_tensor(L, index);
}
void aten_cummax(lower *L) { running_extreme(L, true); }
void aten_cummin(lower *L) { running_extreme(L, false); }
