/* SPDX-License-Identifier: MIT
 *
 * Shared pieces of layers and linear algebra; see nn.h.
 */
#include "script/aten/nn.h"

/* ---- constants ---- */
sten *nn_filled_like(lower *L, naru_dtype d, double v, int rank, const sv *dims) {
    return EMIT(Expand, lit(L, d, v), ints_tensor(L, dims, rank));
}

sten *nn_filled(lower *L, naru_dtype d, double v, sv n) { return nn_filled_like(L, d, v, 1, &n); }

sten *nn_floats(lower *L, const float *v, int n) {
    naru_tensor *t = NULL;
    if (!lower_ok(L)) return NULL;
    if (tensor_new(NARU_FLOAT, 1, (int64_t[]){n}, &t, L->err) == NARU_OK && n)
        memcpy(t->data, v, (size_t)n * sizeof *v);
    sten *out = lit_tensor(L, t);
    if (out) out->fixed = true;
    return out;
}

sten *nn_constant(lower *L, naru_dtype d, int rank, const int64_t *dims, const double *v) {
    naru_tensor *t = NULL, *c = NULL;
    if (!lower_ok(L)) return NULL;
    if (tensor_new(NARU_DOUBLE, rank, dims, &t, L->err) != NARU_OK) return lit_tensor(L, NULL);
    int64_t n = tensor_count(t);
    if (n) memcpy(t->data, v, (size_t)n * sizeof *v);
    if (d == NARU_DOUBLE) return lit_tensor(L, t);
    L->st = naru_tensor_cast(t, d, &c, L->err);
    tensor_unref(t);
    return lower_ok(L) ? lit_tensor(L, c) : NULL;
}

/* ---- arithmetic ---- */
bool nn_scalar_is(sv s, double v) {
    if (s.tag == SV_INT) return (double)s.i == v;
    if (s.tag == SV_BOOL) return (double)s.b == v;
    return s.tag == SV_FLOAT && s.f == v;
}

sten *nn_scaled(lower *L, sten *t, sv s) {
    return nn_scalar_is(s, 1) ? t : EMIT(Mul, t, scalar_tensor(L, s, t_dtype(L, t)));
}

sten *nn_add(lower *L, sten *a, sten *b) { return b ? EMIT(Add, a, b) : a; }
sten *nn_times(lower *L, sten *t, double v) { return EMIT(Mul, t, lit(L, t_dtype(L, t), v)); }
sten *nn_plus(lower *L, sten *t, double v) { return EMIT(Add, t, lit(L, t_dtype(L, t), v)); }

sten *nn_reduce(lower *L, const op_desc *op, sten *t, int n, const int64_t *axes, bool keep) {
    if (n == 0) return t;
    return lower_op(L, op, ATTRS(AI("keepdims", keep)), 2, (sten *[]){t, lit_ints(L, axes, n)});
}

sten *nn_reduce1(lower *L, const op_desc *op, sten *t, int axis, bool keep) {
    return nn_reduce(L, op, t, 1, (int64_t[]){axis}, keep);
}

sten *nn_concat(lower *L, int axis, int n, sten *const *t) {
    enum { AT_ONCE = 32 };
    if (n == 1) return t[0];
    if (n <= AT_ONCE) return lower_op(L, &op_Concat, ATTRS(AI("axis", axis)), n, t);
    int pieces = (n + AT_ONCE - 1) / AT_ONCE;
    sten **part = host_scratch(L, (size_t)pieces * sizeof *part);
    for (int i = 0; part && i < pieces; i++)
        part[i] = nn_concat(L, axis, i + 1 < pieces ? AT_ONCE : n - i * AT_ONCE, t + (size_t)i * AT_ONCE);
    return part ? nn_concat(L, axis, pieces, part) : NULL;
}

/* (a + bi)(c + di); a missing imaginary part is zero. */
static sten *matmul_complex(lower *L, sten *a, sten *b) {
    sten *ar, *ai, *br, *bi;
    nn_parts(L, a, &ar, &ai);
    nn_parts(L, b, &br, &bi);
    promote2(L, &ar, &br);
    if (ai) ai = cast(L, ai, t_dtype(L, ar));
    if (bi) bi = cast(L, bi, t_dtype(L, ar));
    sten *re = EMIT(MatMul, ar, br), *im = NULL;
    if (ai && bi) re = EMIT(Sub, re, EMIT(MatMul, ai, bi));
    if (bi) im = EMIT(MatMul, ar, bi);
    if (ai) im = nn_add(L, EMIT(MatMul, ai, br), im);
    return nn_join(L, re, im);
}

sten *nn_matmul(lower *L, sten *a, sten *b) {
    naru_dtype d = t_dtype(L, a);
    if (!lower_ok(L)) return NULL;
    if (dtype_is_complex(d) || dtype_is_complex(t_dtype(L, b))) return matmul_complex(L, a, b);
    if (d == NARU_BOOL) {
        lower_raise(L, "RuntimeError", "\"addmm_impl_cpu_\" not implemented for 'Bool'");
        return NULL;
    }
    if (dtype_is_float(d) || d == NARU_INT32 || d == NARU_INT64) return EMIT(MatMul, a, b);
    return cast(L, EMIT(MatMul, cast(L, a, NARU_INT32), cast(L, b, NARU_INT32)), d);
}

/* Rows of x in one matrix: what the machine computes at once. A graph keeps MatMul, which shapes do not complicate. */
static sten *linear_rows(lower *L, sten *x, sten *w, sten *b) {
    int rank = t_rank(L, x);
    sv dims[NARU_MAX_RANK];
    nn_dims(L, x, dims);
    if (!lower_ok(L)) return NULL;
    sten *flat = rank == 2 ? x : nn_reshape(L, x, 2, (sv[]){nn_product(L, rank - 1, dims), dims[rank - 1]});
    sten *y = EMITA(Gemm, ATTRS(AI("transB", 1)), flat, w, b);
    dims[rank - 1] = t_dim(L, w, 0);
    return rank == 2 ? y : nn_reshape(L, y, rank, dims);
}

sten *nn_linear(lower *L, sten *x, sten *w, sten *b) {
    int rank = t_rank(L, x);
    if (!lower_ok(L)) return NULL;
    if (t_rank(L, w) == 1) return nn_add(L, nn_matmul(L, x, w), b);
    bool one = !b || t_rank(L, b) == 1;
    if (rank >= 2 && one && dtype_is_float(t_dtype(L, x)) && (rank == 2 || !lower_recording(L)))
        return linear_rows(L, x, w, b);
    return nn_add(L, nn_matmul(L, x, view_transpose(L, w, 0, 1)), b);
}

/* ---- shapes ---- */
int nn_dims(lower *L, sten *t, sv *dims) {
    int rank = t_rank(L, t);
    for (int i = 0; i < rank && lower_ok(L); i++) dims[i] = t_dim(L, t, i);
    return rank;
}

void nn_dims_int(lower *L, sten *t, int64_t *dims) {
    int rank = t_rank(L, t);
    for (int i = 0; i < rank; i++) dims[i] = t_dim_int(L, t, i);
}

sv nn_product(lower *L, int n, const sv *dims) {
    sv p = sv_int(1);
    for (int i = 0; i < n && lower_ok(L); i++) p = s_is(p, 1) ? dims[i] : s_mul(L, p, dims[i]);
    return p;
}

sten *nn_reshape(lower *L, sten *t, int rank, const sv *d) { return view_shape(L, t, rank, d, false); }

bool nn_known(lower *L, const sten *t) {
    for (int i = 0, rank = t_rank(L, t); i < rank; i++)
        if (t_dim(L, t, i).tag != SV_INT) return false;
    return lower_ok(L);
}

const char *nn_shape_by(lower *L, const sten *t, const char *sep) {
    size_t cap = NARU_MAX_RANK * 24 + 1, at = 0;
    char *s = host_scratch(L, cap);
    if (!s) return "";
    s[0] = 0;
    for (int i = 0, rank = t_rank(L, t); i < rank && at < cap; i++) {
        sv d = t_dim(L, t, i);
        if (d.tag == SV_INT) at += (size_t)snprintf(s + at, cap - at, "%s%lld", i ? sep : "", (long long)d.i);
        else at += (size_t)snprintf(s + at, cap - at, "%s?", i ? sep : "");
    }
    return s;
}

const char *nn_shape(lower *L, const sten *t) {
    const char *s = nn_shape_by(L, t, ", ");
    size_t n = strlen(s) + 3;
    char *out = host_scratch(L, n);
    if (!out) return "";
    snprintf(out, n, "[%s]", s);
    return out;
}

/* ---- complex ---- */
naru_dtype nn_real_dtype(naru_dtype d) {
    return d == NARU_COMPLEX64 ? NARU_FLOAT : d == NARU_COMPLEX128 ? NARU_DOUBLE : d;
}

naru_dtype nn_complex_dtype(naru_dtype d) { return d == NARU_DOUBLE ? NARU_COMPLEX128 : NARU_COMPLEX64; }

void nn_parts(lower *L, sten *t, sten **re, sten **im) {
    *re = t, *im = NULL;
    if (!lower_ok(L) || !dtype_is_complex(t_dtype(L, t))) return;
    int rank = t_rank(L, t);
    sten *v = view_complex(L, t, false);
    *re = view_select(L, v, rank, sv_int(0));
    *im = view_select(L, v, rank, sv_int(1));
}

sten *nn_join(lower *L, sten *re, sten *im) {
    int rank = t_rank(L, re);
    sten *pair[2] = {view_unsqueeze(L, re, rank), view_unsqueeze(L, im, rank)};
    return view_complex(L, nn_concat(L, rank, 2, pair), true);
}
