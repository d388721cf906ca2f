/* SPDX-License-Identifier: MIT
 *
 * Norms of vectors and matrices, distances by them, renorm. Singular values for the spectral and nuclear norms come
 * from one-sided Jacobi rotations on the host.
 */
#include <math.h>

#include "script/aten/arith.h"
#include "script/aten/aten.h"
#include "script/aten/hosted.h"

/* ---- vectors ---- */
/* The p-norm over axes (n = 0: all). */
static sten *vector_norm(lower *L, sten *x, double p, int n, const int64_t *axes, bool keep) {
    naru_dtype d = t_dtype(L, x);
    if (dtype_is_complex(d)) x = ar_abs(L, x), d = t_dtype(L, x);
    if (p == 2) return ar_reduce(L, &op_ReduceL2, x, n, axes, keep);
    if (p == 1) return ar_reduce(L, &op_ReduceL1, x, n, axes, keep);
    if (p == 0) {
        sten *there = EMIT(Not, EMIT(Equal, x, lit(L, d, 0)));
        return ar_reduce(L, &op_ReduceSum, cast(L, there, d), n, axes, keep);
    }
    sten *a = EMIT(Abs, x);
    if (isinf(p)) return ar_reduce(L, p > 0 ? &op_ReduceMax : &op_ReduceMin, a, n, axes, keep);
    sten *sum = ar_reduce(L, &op_ReduceSum, EMIT(Pow, a, lit(L, d, p)), n, axes, keep);
    return EMIT(Pow, sum, lit(L, d, 1 / p));
}

/* Only floats have norms, though another type may be asked for to compute in. */
static sten *norm_input(lower *L, sten *x, naru_dtype want, const char *what) {
    naru_dtype d = t_dtype(L, x);
    if (!dtype_is_float(d) && !dtype_is_complex(d))
        lower_raise(L, "RuntimeError", "%s: Expected a floating point or complex tensor as input. Got %s", what,
                    sten_type_name(d));
    return want == NARU_UNDEFINED ? x : cast(L, x, want);
}

/* An empty reduction has a norm only where there is a neutral element. */
static void check_empty(lower *L, sten *x, double p, int n, const int64_t *axes) {
    if (p >= 0 && !isinf(p)) return;
    if (!s_is(ar_reduced_count(L, x, n, axes), 0)) return;
    lower_raise(L, "RuntimeError",
                "linalg.vector_norm cannot compute the %g norm on an empty tensor because the operation does not have "
                "an identity",
                p);
}

static void norm(lower *L, int p_arg, int dims, int keep, int dtype) {
    sten *x = arg_tensor(L, 0);
    int64_t at[NARU_MAX_RANK];
    int n = dims < 0 ? 0 : arg_axes(L, dims, t_rank(L, x), at);
    double p = arg_float_or(L, p_arg, 2);
    naru_dtype d = t_dtype(L, x);
    if (dtype < 0 && !dtype_is_float(d) && !dtype_is_complex(d))
        lower_raise(L, "RuntimeError",
                    "norm(): input dtype should be either floating point or complex. Got %s instead.", sten_type_name(d));
    x = norm_input(L, x, dtype < 0 ? NARU_UNDEFINED : arg_dtype(L, dtype, NARU_UNDEFINED), "linalg.vector_norm");
    check_empty(L, x, p, n, at);
    ret_tensor(L, vector_norm(L, x, p, n, at, keep >= 0 && arg_bool(L, keep)));
}
void aten_norm(lower *L) { norm(L, 1, -1, -1, -1); }
void aten_norm_dtype(lower *L) { norm(L, 1, -1, -1, 2); }
void aten_norm_dim(lower *L) { norm(L, 1, 2, 3, -1); }
void aten_norm_dim_dtype(lower *L) { norm(L, 1, 2, 3, 4); }
void aten_linalg_vector_norm(lower *L) { norm(L, 1, 2, 3, 4); }

/* ---- matrices: rows and columns are dims a and b ---- */
/* Columns are turned until they are orthogonal; their lengths are the singular values. */
static void jacobi(double *m, int64_t rows_, int64_t cols, double *values) {
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0;
        for (int64_t p = 0; p < cols; p++)
            for (int64_t q = p + 1; q < cols; q++) {
                double a = 0, b = 0, c = 0;
                for (int64_t i = 0; i < rows_; i++) {
                    double u = m[i * cols + p], v = m[i * cols + q];
                    a += u * u, b += v * v, c += u * v;
                }
                if (!(fabs(c) > 1e-15 * sqrt(a * b))) continue;
                off = 1;
                double z = (b - a) / (2 * c), t = copysign(1, z) / (fabs(z) + sqrt(1 + z * z));
                double cs = 1 / sqrt(1 + t * t), sn = cs * t;
                for (int64_t i = 0; i < rows_; i++) {
                    double u = m[i * cols + p], v = m[i * cols + q];
                    m[i * cols + p] = cs * u - sn * v;
                    m[i * cols + q] = sn * u + cs * v;
                }
            }
        if (off == 0) break;
    }
    for (int64_t p = 0; p < cols; p++) {
        double s = 0;
        for (int64_t i = 0; i < rows_; i++) s += m[i * cols + p] * m[i * cols + p];
        values[p] = sqrt(s);
    }
}

/* What spectral norms make of singular values: the greatest, the least, their sum. */
static double of_values(const double *s, int64_t n, double ord) {
    double r = ord < 0 ? INFINITY : 0;
    for (int64_t i = 0; i < n; i++) r = ord == 2 ? fmax(r, s[i]) : ord < 0 ? fmin(r, s[i]) : r + s[i];
    return r;
}

enum { NUCLEAR = 100 };

/* Result over the batch; x's dims a and b reduced. */
static sten *spectral(lower *L, sten *x, const int64_t *ab, bool keep, double ord) {
    rows r;
    if (dtype_is_complex(t_dtype(L, x))) lower_fail(L, NARU_UNSUPPORTED, "singular values of complex matrices");
    if (ab[0] > ab[1]) x = view_transpose(L, x, (int)ab[0], (int)ab[1]);
    if (!rows_of(L, x, 2, ab, keep, &r)) return NULL;
    const double *v = host_f64(L, r.x);
    int64_t m = t_dim_int(L, x, (int)(ab[0] < ab[1] ? ab[0] : ab[1])), n = m ? r.n / m : 0;
    double *work = host_scratch(L, (size_t)(r.n + 1) * sizeof *work);
    double *s = host_scratch(L, (size_t)(m + n + 1) * sizeof *s);
    double *y = host_scratch(L, (size_t)(r.count + 1) * sizeof *y);
    if (!v || !work || !s || !y) return NULL;
    for (int64_t i = 0; i < r.count; i++) {
        const double *from = v + i * r.n;
        bool tall = m >= n; /* otherwise the transpose */
        for (int64_t j = 0; j < r.n; j++) work[tall ? j : j % n * m + j / n] = from[j];
        jacobi(work, tall ? m : n, tall ? n : m, s);
        y[i] = of_values(s, tall ? n : m, ord);
    }
    return host_from_f64(L, t_dtype(L, x), r.rank, r.dims, y);
}

/* Greatest or least sum along one dim: axis `sum` goes first, then `pick`. */
static sten *greatest_sum(lower *L, sten *x, int64_t sum, int64_t pick, bool keep, bool max) {
    sten *s = vector_norm(L, x, 1, 1, &sum, true);
    sten *y = ar_reduce(L, max ? &op_ReduceMax : &op_ReduceMin, s, 1, &pick, true);
    return keep ? y : view_squeeze(L, y, 2, (int64_t[]){sum, pick});
}

static sten *matrix_norm(lower *L, sten *x, double ord, const int64_t *ab, bool keep) {
    double size = fabs(ord);
    if (size == 1) return greatest_sum(L, x, ab[0], ab[1], keep, ord > 0);
    if (isinf(size)) return greatest_sum(L, x, ab[1], ab[0], keep, ord > 0);
    if (size == 2 || ord == NUCLEAR) return spectral(L, x, ab, keep, ord);
    lower_raise(L, "RuntimeError", "linalg.matrix_norm: Order %g not supported.", ord);
    return NULL;
}

static sten *matrix_norm_named(lower *L, sten *x, const char *ord, const int64_t *ab, bool keep) {
    if (!strcmp(ord, "fro")) return vector_norm(L, x, 2, 2, ab, keep);
    if (!strcmp(ord, "nuc")) return matrix_norm(L, x, NUCLEAR, ab, keep);
    lower_raise(L, "RuntimeError", "linalg.matrix_norm: Order %s not supported.", ord);
    return NULL;
}

static void matrix_dims(lower *L, int i, sten *x, int64_t *ab) {
    int64_t at[NARU_MAX_RANK] = {0};
    int rank = t_rank(L, x);
    if (lower_ok(L) && rank < 2)
        lower_raise(L, "RuntimeError", "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    int n = i < 0 ? 0 : arg_axes(L, i, rank, at);
    if (n != 2 && (n || rank != 2) && lower_ok(L))
        lower_raise(L, "RuntimeError", "linalg.matrix_norm: dim must be a 2-tuple. Got a list of %d", n);
    ab[0] = n ? at[0] : rank - 2, ab[1] = n ? at[1] : rank - 1;
}

void aten_linalg_matrix_norm(lower *L) {
    int64_t ab[2];
    sten *x = norm_input(L, arg_tensor(L, 0), arg_dtype(L, 4, NARU_UNDEFINED), "linalg.matrix_norm");
    matrix_dims(L, 2, x, ab);
    if (arg(L, 1).tag == SV_STR) ret_tensor(L, matrix_norm_named(L, x, arg_str(L, 1), ab, arg_bool(L, 3)));
    else ret_tensor(L, matrix_norm(L, x, arg_float(L, 1), ab, arg_bool(L, 3)));
}

/* No order: the 2-norm of all elements; an order without dims looks at the rank. */
void aten_linalg_norm(lower *L) {
    sten *x = norm_input(L, arg_tensor(L, 0), arg_dtype(L, 4, NARU_UNDEFINED), "linalg.norm");
    int64_t at[NARU_MAX_RANK], ab[2];
    int rank = t_rank(L, x), n = arg_axes(L, 2, rank, at);
    bool keep = arg_bool(L, 3), named = arg(L, 1).tag == SV_STR, no_dims = arg_none(L, 2);
    if (!named && arg_none(L, 1)) {
        ret_tensor(L, vector_norm(L, x, 2, n, at, keep));
    } else if (!named && (n == 1 || (no_dims && rank == 1))) {
        check_empty(L, x, arg_float(L, 1), n, at);
        ret_tensor(L, vector_norm(L, x, arg_float(L, 1), n, at, keep));
    } else {
        if (no_dims && rank > 2 && lower_ok(L))
            lower_raise(L, "RuntimeError",
                        "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got %dD.", rank);
        matrix_dims(L, no_dims ? -1 : 2, x, ab);
        ret_tensor(L, named ? matrix_norm_named(L, x, arg_str(L, 1), ab, keep)
                            : matrix_norm(L, x, arg_float(L, 1), ab, keep));
    }
}

void aten_frobenius_norm(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t at[NARU_MAX_RANK];
    int n = arg_axes(L, 1, t_rank(L, x), at);
    ret_tensor(L, vector_norm(L, x, 2, n, at, arg_bool(L, 2)));
}
void aten_nuclear_norm(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t ab[2];
    matrix_dims(L, -1, x, ab);
    ret_tensor(L, matrix_norm(L, x, NUCLEAR, ab, arg_bool(L, 1)));
}
void aten_nuclear_norm_dim(lower *L) {
    sten *x = arg_tensor(L, 0);
    int64_t ab[2];
    matrix_dims(L, 1, x, ab);
    ret_tensor(L, matrix_norm(L, x, NUCLEAR, ab, arg_bool(L, 2)));
}

/* ---- distances ---- */
void aten_dist(lower *L) {
    sten *gap = ar_sub(L, arg_tensor(L, 0), arg_tensor(L, 1));
    ret_tensor(L, vector_norm(L, norm_input(L, gap, NARU_UNDEFINED, "dist"), arg_float(L, 2), 0, NULL, false));
}

/* Slices along dim are scaled down to a norm of at most maxnorm. */
void aten_renorm(lower *L) {
    sten *x = arg_tensor(L, 0);
    double p = arg_float(L, 1), most = arg_float(L, 3);
    int rank = t_rank(L, x), dim = arg_axis(L, 2, rank), n = 0;
    int64_t others[NARU_MAX_RANK];
    naru_dtype d = t_dtype(L, x);
    for (int i = 0; i < rank; i++)
        if (i != dim) others[n++] = i;
    if (lower_ok(L) && rank < 2)
        lower_raise(L, "RuntimeError", "renorm: input needs at least 2 dimensions, got %d dimensions", rank);
    sten *size = vector_norm(L, x, p, n, others, true), *limit = lit(L, d, most);
    sten *factor = EMIT(Div, limit, ar_addc(L, size, 1e-7));
    ret_tensor(L, EMIT(Mul, x, ar_where(L, EMIT(Greater, size, limit), factor, lit(L, d, 1))));
}
