/* SPDX-License-Identifier: MIT
 *
 * Reductions to sums, means, products, variances, extremes and truth. Dims: None and the empty list mean all; a 0-d
 * tensor takes dim 0 and -1.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"
#include "script/aten/quantized_pointwise.h"

typedef struct axes {
    int n; /* 0: all */
    int64_t at[NARU_MAX_RANK];
} axes;

static axes axes_arg(lower *L, int i, const sten *x) {
    axes a = {0};
    if (i >= 0) a.n = arg_axes(L, i, t_rank(L, x), a.at);
    return a;
}

/* ---- sum, mean, prod ---- */
static naru_dtype sum_type(naru_dtype d) { return dtype_is_int(d) || d == NARU_BOOL ? NARU_INT64 : d; }

/* Complex numbers reduce as pairs. */
static sten *reduce_complex(lower *L, const op_desc *op, sten *x, const axes *a, bool keep) {
    axes all = *a;
    int rank = t_rank(L, x);
    if (a->n == 0)
        for (all.n = 0; all.n < rank; all.n++) all.at[all.n] = all.n;
    sten *pairs = view_complex(L, x, false);
    if (all.n == 0) return fresh(L, x);
    return view_complex(L, ar_reduce(L, op, pairs, all.n, all.at, keep), true);
}

static sten *reduce(lower *L, const op_desc *op, sten *x, const axes *a, bool keep) {
    if (dtype_is_complex(t_dtype(L, x))) return reduce_complex(L, op, x, a, keep);
    return ar_reduce(L, op, x, a->n, a->at, keep);
}

static void sum(lower *L, const op_desc *op, int dims, int keep, int dtype) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, dims, x);
    naru_dtype d = arg_dtype(L, dtype, sum_type(t_dtype(L, x)));
    ret_tensor(L, reduce(L, op, cast(L, x, d), &a, keep >= 0 && arg_bool(L, keep)));
}
void aten_sum(lower *L) { sum(L, &op_ReduceSum, -1, -1, 1); }
void aten_sum_dim(lower *L) { sum(L, &op_ReduceSum, 1, 2, 3); }

static cplx c_mul(cplx a, cplx b) { return a * b; }
static sten *complex_product(lower *L, sten *x, const axes *a, bool keep) {
    rows r;
    if (!rows_of(L, x, a->n, a->at, keep, &r)) return NULL;
    sten *y = ar_reshape(L, r.x, 2, (int64_t[]){r.count, r.n});
    sten *p = view_expand(L, lit(L, t_dtype(L, x), 1), 1, (sv[]){sv_int(r.count)});
    for (int64_t i = 0; lower_ok(L) && i < r.n; i++) p = cmap2(L, p, view_select(L, y, 1, sv_int(i)), c_mul);
    return ar_reshape(L, fresh(L, p), r.rank, r.dims);
}

static void prod(lower *L, int dim, int keep, int dtype) {
    sten *x = arg_tensor(L, 0);
    axes a = {0};
    if (dim >= 0) a = (axes){1, {arg_axis(L, dim, t_rank(L, x))}};
    x = cast(L, x, arg_dtype(L, dtype, sum_type(t_dtype(L, x))));
    bool kept = keep >= 0 && arg_bool(L, keep);
    ret_tensor(L, dtype_is_complex(t_dtype(L, x)) ? complex_product(L, x, &a, kept)
                                                  : reduce(L, &op_ReduceProd, x, &a, kept));
}
void aten_prod(lower *L) { prod(L, -1, -1, 1); }
void aten_prod_dim(lower *L) { prod(L, 1, 2, 3); }

static void mean(lower *L, int dims, int keep, int dtype) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, dims, x);
    naru_dtype d = arg_dtype(L, dtype, t_dtype(L, x));
    if (!dtype_is_float(d) && !dtype_is_complex(d))
        lower_raise(L, "RuntimeError",
                    "mean(): could not infer output dtype. %s dtype must be either a floating point or complex dtype. "
                    "Got: %s",
                    arg_none(L, dtype) ? "Input" : "Optional", sten_type_name(d));
    ret_tensor(L, reduce(L, &op_ReduceMean, cast(L, x, d), &a, keep >= 0 && arg_bool(L, keep)));
}
void aten_mean(lower *L) {
    if (!quantized_alike(L, aten_mean)) mean(L, -1, -1, 1);
}
void aten_mean_dim(lower *L) {
    if (!quantized_alike(L, aten_mean_dim)) mean(L, 1, 2, 3);
}

static sten *without_nans(lower *L, sten *x) {
    return dtype_is_float(t_dtype(L, x)) ? ar_where(L, EMIT(IsNaN, x), lit(L, t_dtype(L, x), 0), x) : x;
}
void aten_nansum(lower *L) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, 1, x);
    naru_dtype d = arg_dtype(L, 3, sum_type(t_dtype(L, x)));
    ret_tensor(L, reduce(L, &op_ReduceSum, cast(L, without_nans(L, x), d), &a, arg_bool(L, 2)));
}
void aten_nanmean(lower *L) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, 1, x);
    bool keep = arg_bool(L, 2);
    naru_dtype d = arg_dtype(L, 3, t_dtype(L, x));
    if (!dtype_is_float(d))
        lower_raise(L, "RuntimeError", "nanmean(): expected input to have floating point or complex dtype but got %s",
                    sten_type_name(d));
    sten *count = reduce(L, &op_ReduceSum, cast(L, EMIT(Not, EMIT(IsNaN, x)), d), &a, keep);
    ret_tensor(L, EMIT(Div, reduce(L, &op_ReduceSum, cast(L, without_nans(L, x), d), &a, keep), count));
}

/* ---- var and std ---- */
typedef struct spread {
    sten *var, *mean;
} spread;

/* Sum of squared distances from the mean over max(0, N - correction). */
static spread variance(lower *L, sten *x, const axes *a, double correction, bool keep) {
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) { /* of the parts, added */
        spread re =
            variance(L, view_select(L, view_complex(L, x, false), t_rank(L, x), sv_int(0)), a, correction, keep);
        spread im =
            variance(L, view_select(L, view_complex(L, x, false), t_rank(L, x), sv_int(1)), a, correction, keep);
        return (spread){EMIT(Add, re.var, im.var), reduce(L, &op_ReduceMean, x, a, keep)};
    }
    if (!dtype_is_float(d))
        lower_raise(L, "RuntimeError", "%s only support floating point and complex dtypes",
                    L->op->schema->nreturns == 1 ? "std and var" : L->op->schema->name + 6);
    sten *center = reduce(L, &op_ReduceMean, x, a, true), *gap = EMIT(Sub, x, center);
    sten *squares = reduce(L, &op_ReduceSum, EMIT(Mul, gap, gap), a, keep), *count;
    sv n = ar_reduced_count(L, x, a->n, a->at);
    if (n.tag == SV_SYM) count = EMIT(Max, ar_addc(L, scalar_tensor(L, n, d), -correction), lit(L, d, 0));
    else count = lit(L, d, fmax((double)n.i - correction, 0));
    return (spread){EMIT(Div, squares, count), keep ? center : reduce(L, &op_ReduceMean, x, a, false)};
}

enum { VAR, STD };
static void spread_of(lower *L, int kind, bool with_mean, int dims, double correction, int keep) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, dims, x);
    spread s = variance(L, x, &a, correction, keep >= 0 && arg_bool(L, keep));
    ret_tensor(L, kind == STD ? EMIT(Sqrt, s.var) : s.var);
    if (with_mean) ret_tensor(L, s.mean);
}

#define SPREAD(name, kind, with_mean)                                                                                  \
    void aten_##name(lower *L) { spread_of(L, kind, with_mean, -1, arg_bool(L, 1), -1); }                              \
    void aten_##name##_dim(lower *L) { spread_of(L, kind, with_mean, 1, arg_bool(L, 2), 3); }                          \
    void aten_##name##_correction(lower *L) { spread_of(L, kind, with_mean, 1, arg_float_or(L, 2, 1), 3); }
SPREAD(var, VAR, false)
SPREAD(std, STD, false)
SPREAD(var_mean, VAR, true)
SPREAD(std_mean, STD, true)

/* ---- extremes ---- */
static void need_elements(lower *L, sten *x, const char *what) {
    sv n = t_numel(L, x);
    if (s_is(n, 0))
        lower_raise(L, "RuntimeError",
                    "%s(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                    "with the 'dim' argument.",
                    what);
}

static void need_dim(lower *L, sten *x, int dim, const char *what) {
    if (lower_ok(L) && t_rank(L, x) > 0 && t_dim_is(L, x, dim, 0))
        lower_raise(L, "IndexError", "%s(): Expected reduction dim %d to have non-zero size.", what, dim);
}

static sten *extreme(lower *L, sten *x, const axes *a, bool keep, bool max) {
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) lower_raise(L, "RuntimeError", "max and min are not supported for complex tensors");
    if (d == NARU_BOOL && lower_recording(L))
        return cast(L, ar_reduce(L, max ? &op_ReduceMax : &op_ReduceMin, cast(L, x, NARU_INT32), a->n, a->at, keep), d);
    if (d == NARU_BOOL) return ar_any_axes(L, x, a->n, a->at, keep, !max);
    return ar_reduce(L, max ? &op_ReduceMax : &op_ReduceMin, x, a->n, a->at, keep);
}

static void extreme_all(lower *L, bool max) {
    sten *x = arg_tensor(L, 0);
    need_elements(L, x, max ? "max" : "min");
    ret_tensor(L, extreme(L, x, &(axes){0}, false, max));
}
void aten_max(lower *L) { extreme_all(L, true); }
void aten_min(lower *L) { extreme_all(L, false); }

static void extreme_dims(lower *L, bool max) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, 1, x);
    if (a.n == 0) need_elements(L, x, max ? "amax" : "amin");
    for (int i = 0; i < a.n; i++) need_dim(L, x, (int)a.at[i], max ? "amax" : "amin");
    ret_tensor(L, extreme(L, x, &a, arg_bool(L, 2), max));
}
void aten_amax(lower *L) { extreme_dims(L, true); }
void aten_amin(lower *L) { extreme_dims(L, false); }

static void both_extremes(lower *L, int dim, int keep) {
    sten *x = arg_tensor(L, 0);
    axes a = {0};
    if (dim >= 0 && !arg_none(L, dim)) a = (axes){1, {arg_axis(L, dim, t_rank(L, x))}};
    if (a.n) need_dim(L, x, (int)a.at[0], "aminmax");
    else if (s_is(t_numel(L, x), 0))
        lower_raise(L, "RuntimeError",
                    "aminmax(): cannot compute aminmax over an empty dimension as the operation has "
                    "no identity.");
    bool kept = keep >= 0 && arg_bool(L, keep);
    ret_tensor(L, extreme(L, x, &a, kept, false));
    ret_tensor(L, extreme(L, x, &a, kept, true));
}
void aten_aminmax(lower *L) { both_extremes(L, 1, 2); }
void aten__aminmax(lower *L) { both_extremes(L, -1, -1); }

/* Position of the first extreme along each line, on the host. NaN beats all. */
static sten *arg_extreme(lower *L, sten *x, int dim, bool keep, bool max) {
    lines l = lines_of(L, x, dim);
    bool floats = dtype_is_float(t_dtype(L, x));
    const int64_t *k = order_keys(L, x);
    int64_t dims[NARU_MAX_RANK], *at;
    int rank = dims_without(L, x, dim, keep, dims);
    sten *y = k ? host_ints(L, rank, dims, &at) : NULL;
    for (int64_t i = 0, n = y ? l.outer * l.inner : 0; i < n; i++) {
        const int64_t *v = k + line_start(&l, i);
        int64_t best = 0;
        for (int64_t j = 1; j < l.n; j++) {
            int64_t a = v[j * l.inner], b = v[best * l.inner];
            if (max || (floats && (a == INT64_MAX || b == INT64_MAX)) ? a > b : a < b) best = j;
        }
        at[i] = best;
    }
    return y;
}

static sten *position(lower *L, sten *x, int dim, bool keep, bool max) {
    naru_dtype d = t_dtype(L, x);
    if (t_rank(L, x) == 0) return cast(L, EMIT(Sub, cast(L, x, NARU_INT32), cast(L, x, NARU_INT32)), NARU_INT64);
    if (!lower_recording(L) && d != NARU_FLOAT) return arg_extreme(L, x, dim, keep, max);
    if (d == NARU_BOOL) x = cast(L, x, NARU_INT32);
    return lower_op(L, max ? &op_ArgMax : &op_ArgMin, ATTRS(AI("axis", dim), AI("keepdims", keep)), 1, &x);
}

static void extreme_along(lower *L, bool max) {
    sten *x = arg_tensor(L, 0);
    int dim = arg_axis(L, 1, t_rank(L, x));
    bool keep = arg_bool(L, 2);
    need_dim(L, x, dim, max ? "max" : "min");
    ret_tensor(L, extreme(L, x, &(axes){1, {dim}}, keep, max));
    ret_tensor(L, position(L, x, dim, keep, max));
}
void aten_max_dim(lower *L) { extreme_along(L, true); }
void aten_min_dim(lower *L) { extreme_along(L, false); }

static void arg_of(lower *L, bool max) {
    sten *x = arg_tensor(L, 0);
    bool keep = arg_bool(L, 2);
    const char *what = max ? "argmax" : "argmin";
    if (!arg_none(L, 1)) {
        int dim = arg_axis(L, 1, t_rank(L, x));
        need_dim(L, x, dim, what);
        ret_tensor(L, position(L, x, dim, keep, max));
        return;
    }
    need_elements(L, x, what);
    sten *y = position(L, ar_flat(L, x), 0, false, max);
    int64_t ones[NARU_MAX_RANK];
    int rank = keep ? t_rank(L, x) : 0;
    for (int i = 0; i < rank; i++) ones[i] = 1;
    ret_tensor(L, rank ? ar_reshape(L, y, rank, ones) : y);
}
void aten_argmax(lower *L) { arg_of(L, true); }
void aten_argmin(lower *L) { arg_of(L, false); }

/* ---- truth; uint8 stays uint8 ---- */
static void truth(lower *L, int dims, int keep, bool all) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, dims, x);
    sten *y = ar_any_axes(L, ar_bool(L, x), a.n, a.at, keep >= 0 && arg_bool(L, keep), all);
    ret_tensor(L, t_dtype(L, x) == NARU_UINT8 ? cast(L, y, NARU_UINT8) : y);
}
void aten_any(lower *L) { truth(L, -1, -1, false); }
void aten_all(lower *L) { truth(L, -1, -1, true); }

/* An empty list here reduces nothing. */
static void truth_dims(lower *L, bool all) {
    sten *x = arg_tensor(L, 0);
    int64_t none[NARU_MAX_RANK];
    if (arg(L, 1).tag == SV_LIST && arg_ints(L, 1, none) == 0) {
        sten *y = ar_bool(L, x);
        ret_tensor(L, t_dtype(L, x) == NARU_UINT8 ? cast(L, y, NARU_UINT8) : y == x ? fresh(L, y) : y);
        return;
    }
    truth(L, 1, 2, all);
}
void aten_any_dims(lower *L) { truth_dims(L, false); }
void aten_all_dims(lower *L) { truth_dims(L, true); }

static void count(lower *L, int dims) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, dims, x);
    ret_tensor(L, reduce(L, &op_ReduceSum, cast(L, ar_bool(L, x), NARU_INT64), &a, false));
}
void aten_count_nonzero(lower *L) { count(L, 1); }

/* ---- log sum exp ---- */
void aten_logsumexp(lower *L) {
    sten *x = arg_tensor(L, 0);
    axes a = axes_arg(L, 1, x);
    if (dtype_is_complex(t_dtype(L, x))) lower_fail(L, NARU_UNSUPPORTED, "logsumexp of complex numbers");
    ret_tensor(L, reduce(L, &op_ReduceLogSumExp, to_float(L, x), &a, arg_bool(L, 2)));
}

void aten__is_all_true(lower *L) { ret_tensor(L, ar_all(L, ar_bool(L, arg_tensor(L, 0)))); }
void aten__is_any_true(lower *L) { ret_tensor(L, ar_any(L, ar_bool(L, arg_tensor(L, 0)))); }
