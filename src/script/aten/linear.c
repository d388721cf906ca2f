/* SPDX-License-Identifier: MIT
 *
 * Products of matrices: linear, the mm family, outer products, tensordot, kron, chains. Einsum is in einsum.c.
 */
#include "script/aten/nn.h"

/* ---- checks with PyTorch's texts ---- */
static bool dims_differ(lower *L, sten *a, int i, sten *b, int j) {
    sv x = t_dim(L, a, i), y = t_dim(L, b, j);
    return x.tag == SV_INT && y.tag == SV_INT && x.i != y.i;
}

static const char *type_word(naru_dtype d) {
    switch (d) {
    case NARU_FLOAT: return "float";
    case NARU_DOUBLE: return "double";
    case NARU_FLOAT16: return "c10::Half";
    case NARU_BFLOAT16: return "c10::BFloat16";
    case NARU_INT64: return "long long";
    case NARU_INT32: return "int";
    case NARU_BOOL: return "bool";
    case NARU_COMPLEX64: return "c10::complex<float>";
    case NARU_COMPLEX128: return "c10::complex<double>";
    default: return naru_dtype_name(d);
    }
}

static void check_types(lower *L, sten *a, sten *b) {
    naru_dtype x = t_dtype(L, a), y = t_dtype(L, b);
    if (lower_ok(L) && x != y)
        lower_raise(L, "RuntimeError", "expected m1 and m2 to have the same dtype, but got: %s != %s", type_word(x),
                    type_word(y));
}

static long long dim_or(lower *L, sten *t, int i) {
    sv d = t_dim(L, t, i);
    return d.tag == SV_INT ? (long long)d.i : -1;
}

static void raise_mm(lower *L, const char *who, long long m, long long k, long long k2, long long n) {
    lower_raise(L, "RuntimeError", "%s: mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", who, m, k,
                k2, n);
}

static void check_mm(lower *L, const char *who, sten *a, sten *b) {
    for (int i = 0; i < 2; i++)
        if (t_rank(L, i ? b : a) != 2 && lower_ok(L))
            lower_raise(L, "RuntimeError", "%s: %s must be a matrix, got %d-D tensor", who, i ? "mat2" : "self",
                        t_rank(L, i ? b : a));
    if (!lower_ok(L)) return;
    if (dims_differ(L, a, 1, b, 0))
        raise_mm(L, who, dim_or(L, a, 0), dim_or(L, a, 1), dim_or(L, b, 0), dim_or(L, b, 1));
    check_types(L, a, b);
}

static void check_bmm(lower *L, sten *a, sten *b) {
    for (int i = 0; i < 2; i++)
        if (t_rank(L, i ? b : a) != 3) {
            lower_raise(L, "RuntimeError", "batch%d must be a 3D tensor", i + 1);
            return;
        }
    if (dims_differ(L, a, 0, b, 0) || dims_differ(L, a, 2, b, 1))
        lower_raise(L, "RuntimeError",
                    "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, "
                    "%lld].",
                    dim_or(L, a, 0), dim_or(L, a, 2), dim_or(L, b, 0), dim_or(L, b, 1));
    check_types(L, a, b);
}

static void check_dot(lower *L, sten *a, sten *b) {
    if (t_rank(L, a) != 1 || t_rank(L, b) != 1) {
        lower_raise(L, "RuntimeError", "1D tensors expected, but got %dD and %dD tensors", t_rank(L, a), t_rank(L, b));
        return;
    }
    long long n = dim_or(L, a, 0), m = dim_or(L, b, 0);
    if (dims_differ(L, a, 0, b, 0))
        lower_raise(L, "RuntimeError",
                    "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have the same number of "
                    "elements, but got %lld and %lld elements respectively",
                    n, m, n, m);
}

static void check_mv(lower *L, sten *a, sten *v) {
    if (!lower_ok(L)) return;
    if (t_rank(L, a) != 2 || t_rank(L, v) != 1)
        lower_raise(L, "RuntimeError", "vector + matrix @ vector expected, got 1, %d, %d", t_rank(L, a), t_rank(L, v));
    else if (dims_differ(L, a, 1, v, 0))
        lower_raise(L, "RuntimeError", "size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)", dim_or(L, a, 0),
                    dim_or(L, a, 0), dim_or(L, a, 1), dim_or(L, v, 0));
}

/* Both at least of rank 1; what matmul says of sizes that do not fit. */
static void check_matmul(lower *L, sten *a, sten *b) {
    int ra = t_rank(L, a), rb = t_rank(L, b);
    if (!lower_ok(L)) return;
    if (ra == 0 || rb == 0) {
        lower_raise(L, "RuntimeError", "both arguments to matmul need to be at least 1D, but they are %dD and %dD", ra,
                    rb);
        return;
    }
    check_types(L, a, b);
    if (!lower_ok(L) || !dims_differ(L, a, ra - 1, b, rb == 1 ? 0 : rb - 2)) return;
    if (ra == 1 && rb == 1) {
        check_dot(L, a, b);
    } else if (ra <= 2 && rb <= 2 && rb == 1) {
        check_mv(L, a, b);
    } else if (ra >= 3 && rb >= 3) {
        lower_raise(L, "RuntimeError",
                    "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, "
                    "%lld].",
                    dim_or(L, a, 0), dim_or(L, a, ra - 1), dim_or(L, a, 0), dim_or(L, b, rb - 2));
    } else {
        sv dims[NARU_MAX_RANK];
        nn_dims(L, a, dims);
        sv rows = nn_product(L, ra - 1, dims);
        raise_mm(L, "mm", rows.tag == SV_INT ? (long long)rows.i : -1, dim_or(L, a, ra - 1),
                 dim_or(L, b, rb == 1 ? 0 : rb - 2), rb == 1 ? 1 : dim_or(L, b, rb - 1));
    }
}

/* ---- products ---- */
void aten_linear(lower *L) {
    sten *x = arg_tensor(L, 0), *w = arg_tensor(L, 1), *b = arg_tensor_opt(L, 2);
    int rx = t_rank(L, x), rw = t_rank(L, w);
    if (!lower_ok(L)) return;
    if (rx == 0 || rw == 0) {
        lower_raise(L, "RuntimeError", "both arguments to linear need to be at least 1D, but they are %dD and %dD", rx,
                    rw);
    } else if (dims_differ(L, x, rx - 1, w, rw - 1)) {
        sv dims[NARU_MAX_RANK];
        nn_dims(L, x, dims);
        sv rows = nn_product(L, rx - 1, dims);
        raise_mm(L, rx == 2 && b ? "addmm" : "mm", rows.tag == SV_INT ? (long long)rows.i : -1, dim_or(L, x, rx - 1),
                 dim_or(L, w, rw - 1), dim_or(L, w, 0));
    }
    check_types(L, x, w);
    ret_tensor(L, nn_linear(L, x, w, b));
}

void aten_matmul(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_matmul(L, a, b);
    ret_tensor(L, nn_matmul(L, a, b));
}

void aten_mm(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_mm(L, "mm", a, b);
    ret_tensor(L, nn_matmul(L, a, b));
}

void aten_bmm(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_bmm(L, a, b);
    ret_tensor(L, nn_matmul(L, a, b));
}

/* mm.dtype, bmm.dtype: half types multiplied into float. */
void aten_mm_dtype(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    naru_dtype d = arg_dtype(L, 2, NARU_FLOAT);
    check_types(L, a, b);
    ret_tensor(L, nn_matmul(L, cast(L, a, d), cast(L, b, d)));
}

void aten_mv(lower *L) {
    sten *a = arg_tensor(L, 0), *v = arg_tensor(L, 1);
    check_mv(L, a, v);
    ret_tensor(L, nn_matmul(L, a, v));
}

void aten_dot(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    check_dot(L, a, b);
    if (lower_ok(L) && t_dtype(L, a) != t_dtype(L, b))
        lower_raise(L, "RuntimeError", "dot : expected both vectors to have same dtype, but found %s and %s",
                    naru_dtype_name(t_dtype(L, a)), naru_dtype_name(t_dtype(L, b)));
    ret_tensor(L, nn_matmul(L, a, b));
}

void aten_vdot(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1), *re, *im;
    check_dot(L, a, b);
    nn_parts(L, a, &re, &im);
    if (im) a = nn_join(L, re, EMIT(Neg, im));
    ret_tensor(L, nn_matmul(L, a, b));
}

/* ---- beta * self + alpha * (a b) ---- */
static sten *blend(lower *L, sten *self, sten *product, sv beta, sv alpha) {
    product = nn_scaled(L, product, alpha);
    if (nn_scalar_is(beta, 0)) return product;
    return EMIT(Add, nn_scaled(L, cast(L, self, t_dtype(L, product)), beta), product);
}

static void check_expand(lower *L, sten *self, sten *a, sten *b) {
    sv want[3];
    int rank = t_rank(L, a), rs = t_rank(L, self);
    if (!lower_ok(L) || rank > 3) return;
    for (int i = 0; i < rank; i++) want[i] = t_dim(L, i < rank - 1 ? a : b, i);
    for (int i = rank - 1, j = rs - 1; i >= 0 && j >= 0; i--, j--) {
        sv have = t_dim(L, self, j);
        if (have.tag != SV_INT || want[i].tag != SV_INT || have.i == 1 || have.i == want[i].i) continue;
        char sizes[96] = "";
        for (int k = 0, at = 0; k < rank; k++)
            at += snprintf(sizes + at, sizeof sizes - (size_t)at, "%s%lld", k ? ", " : "",
                           want[k].tag == SV_INT ? (long long)want[k].i : -1);
        lower_raise(L, "RuntimeError",
                    "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                    "dimension %d.  Target sizes: [%s].  Tensor sizes: %s",
                    (long long)want[i].i, (long long)have.i, i, sizes, nn_shape(L, self));
        return;
    }
}

/* A matrix stored column after column is the transpose of what lies in memory: Gemm takes that as it is. */
static bool by_columns(lower *L, const sten *t) {
    return lower_ok(L) && !lower_recording(L) && t->t.rank == 2 && t->t.strides[0] == 1 &&
           t->t.strides[1] == t->t.dims[0] && t->t.dims[1] > 1;
}

static sten *addmm(lower *L, sten *self, sten *a, sten *b, sv beta, sv alpha) {
    naru_dtype d = t_dtype(L, a);
    bool numbers = beta.tag != SV_SYM && alpha.tag != SV_SYM && beta.tag != SV_COMPLEX && alpha.tag != SV_COMPLEX;
    if (!lower_ok(L)) return NULL;
    double be = beta.tag == SV_FLOAT ? beta.f : (double)beta.i, al = alpha.tag == SV_FLOAT ? alpha.f : (double)alpha.i;
    if (!dtype_is_float(d) || !numbers || (d == NARU_DOUBLE && ((float)be != be || (float)al != al)))
        return blend(L, self, nn_matmul(L, a, b), beta, alpha); /* Gemm's factors are floats */
    bool columns = by_columns(L, b);
    return EMITA(Gemm, ATTRS(AF("beta", be), AF("alpha", al), AI("transB", columns)), a,
                 columns ? view_transpose(L, b, 0, 1) : b, be == 0 ? NULL : cast(L, self, d));
}

void aten_addmm(lower *L) {
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    check_mm(L, "addmm", a, b);
    check_expand(L, self, a, b);
    ret_tensor(L, addmm(L, self, a, b, arg_scalar(L, 3), arg_scalar(L, 4)));
}

void aten__addmm_activation(lower *L) { /* (..., use_gelu) */
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    check_mm(L, "addmm", a, b);
    sten *y = addmm(L, self, a, b, arg_scalar(L, 3), arg_scalar(L, 4));
    ret_tensor(L, arg_bool(L, 5) ? EMIT(Gelu, y) : EMIT(Relu, y));
}

void aten_addmm_dtype(lower *L) {
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    naru_dtype d = arg_dtype(L, 3, NARU_FLOAT);
    ret_tensor(L, blend(L, self, nn_matmul(L, cast(L, a, d), cast(L, b, d)), arg_scalar(L, 4), arg_scalar(L, 5)));
}

void aten_addmv(lower *L) {
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *v = arg_tensor(L, 2);
    check_mv(L, a, v);
    ret_tensor(L, blend(L, self, nn_matmul(L, a, v), arg_scalar(L, 3), arg_scalar(L, 4)));
}

void aten_baddbmm(lower *L) {
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    check_bmm(L, a, b);
    check_expand(L, self, a, b);
    ret_tensor(L, blend(L, self, nn_matmul(L, a, b), arg_scalar(L, 3), arg_scalar(L, 4)));
}

void aten_addbmm(lower *L) {
    sten *self = arg_tensor(L, 0), *a = arg_tensor(L, 1), *b = arg_tensor(L, 2);
    check_bmm(L, a, b);
    sten *sum = nn_reduce1(L, &op_ReduceSum, nn_matmul(L, a, b), 0, false);
    ret_tensor(L, blend(L, self, sum, arg_scalar(L, 3), arg_scalar(L, 4)));
}

static sten *outer(lower *L, sten *a, sten *b) {
    if (lower_ok(L) && (t_rank(L, a) != 1 || t_rank(L, b) != 1))
        lower_raise(L, "RuntimeError", "outer: Expected 1-D argument %s, but got %d-D",
                    t_rank(L, a) != 1 ? "self" : "vec2", t_rank(L, t_rank(L, a) != 1 ? a : b));
    promote2(L, &a, &b);
    a = view_unsqueeze(L, a, 1), b = view_unsqueeze(L, b, 0);
    return dtype_is_complex(t_dtype(L, a)) ? nn_matmul(L, a, b)
           : t_dtype(L, a) == NARU_BOOL    ? EMIT(And, a, b)
                                           : EMIT(Mul, a, b);
}

void aten_outer(lower *L) { ret_tensor(L, outer(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

void aten_addr(lower *L) {
    sten *product = outer(L, arg_tensor(L, 1), arg_tensor(L, 2)), *self = arg_tensor(L, 0);
    promote2(L, &self, &product);
    ret_tensor(L, blend(L, self, product, arg_scalar(L, 3), arg_scalar(L, 4)));
}

/* ---- tensordot, inner ---- */
static sten *tensordot(lower *L, sten *a, sten *b, int n, const int64_t *da, const int64_t *db) {
    int64_t pa[NARU_MAX_RANK], pb[NARU_MAX_RANK];
    sv dims[NARU_MAX_RANK], sa[NARU_MAX_RANK], sb[NARU_MAX_RANK];
    int ra = nn_dims(L, a, sa), rb = nn_dims(L, b, sb), na = 0, nb = n, rank = 0;
    if (!lower_ok(L)) return NULL;
    if (ra + rb - 2 * n > NARU_MAX_RANK) {
        lower_fail(L, NARU_SHAPE, "tensordot: the result has %d dims, more than %d", ra + rb - 2 * n, NARU_MAX_RANK);
        return NULL;
    }
    sv k = sv_int(1), rows = sv_int(1), cols = sv_int(1);
    bool in_a[NARU_MAX_RANK] = {false}, in_b[NARU_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        in_a[da[i]] = in_b[db[i]] = true;
        pa[ra - n + i] = da[i], pb[i] = db[i];
        k = s_mul(L, k, sa[da[i]]);
    }
    for (int i = 0; i < ra; i++)
        if (!in_a[i]) pa[na++] = i, dims[rank++] = sa[i], rows = s_mul(L, rows, sa[i]);
    for (int i = 0; i < rb; i++)
        if (!in_b[i]) pb[nb++] = i, dims[rank++] = sb[i], cols = s_mul(L, cols, sb[i]);
    a = nn_reshape(L, view_permute(L, a, pa), 2, (sv[]){rows, k});
    b = nn_reshape(L, view_permute(L, b, pb), 2, (sv[]){k, cols});
    return nn_reshape(L, nn_matmul(L, a, b), rank, dims);
}

void aten_tensordot(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    int64_t da[NARU_MAX_RANK], db[NARU_MAX_RANK];
    int n = arg_axes(L, 2, t_rank(L, a), da), m = arg_axes(L, 3, t_rank(L, b), db);
    if (!lower_ok(L)) return;
    if (n != m) {
        lower_raise(L, "RuntimeError", "both dimension lists should have same length");
        return;
    }
    for (int i = 0; i < n; i++)
        if (dims_differ(L, a, (int)da[i], b, (int)db[i])) {
            lower_raise(L, "RuntimeError",
                        "contracted dimensions need to match, but first has size %lld in dim %lld and second has size "
                        "%lld in dim %lld",
                        dim_or(L, a, (int)da[i]), (long long)da[i], dim_or(L, b, (int)db[i]), (long long)db[i]);
            return;
        }
    ret_tensor(L, tensordot(L, a, b, n, da, db));
}

void aten_inner(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    int ra = t_rank(L, a), rb = t_rank(L, b);
    if (!lower_ok(L)) return;
    if (ra == 0 || rb == 0) ret_tensor(L, EMIT(Mul, a, b));
    else ret_tensor(L, tensordot(L, a, b, 1, (int64_t[]){ra - 1}, (int64_t[]){rb - 1}));
}

/* out[..., o] = sum of x1[..., i] W[o, i, j] x2[..., j] + bias[o] */
void aten_bilinear(lower *L) {
    sten *x = arg_tensor(L, 0), *y = arg_tensor(L, 1), *w = arg_tensor(L, 2), *b = arg_tensor_opt(L, 3);
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, x, dims);
    if (!lower_ok(L)) return;
    if (rank == 0 || t_rank(L, w) != 3) {
        lower_raise(L, "RuntimeError", "bilinear(): input dimensions do not match");
        return;
    }
    sv rows = nn_product(L, rank - 1, dims), o = t_dim(L, w, 0), i = t_dim(L, w, 1), j = t_dim(L, w, 2);
    sten *flat = nn_reshape(L, x, 2, (sv[]){rows, i});
    sten *wide = nn_reshape(L, view_permute(L, w, (int64_t[]){1, 0, 2}), 2, (sv[]){i, s_mul(L, o, j)});
    sten *m = nn_reshape(L, nn_matmul(L, flat, wide), 3, (sv[]){rows, o, j});
    sten *r = nn_matmul(L, m, nn_reshape(L, y, 3, (sv[]){rows, j, sv_int(1)}));
    dims[rank - 1] = o;
    ret_tensor(L, nn_add(L, nn_reshape(L, r, rank, dims), b));
}

/* ---- kron: every element of a times b ---- */
void aten_kron(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    int ra = t_rank(L, a), rb = t_rank(L, b), rank = ra > rb ? ra : rb;
    if (!lower_ok(L)) return;
    if (2 * rank > NARU_MAX_RANK) {
        lower_fail(L, NARU_UNSUPPORTED, "kron of more than %d dims", NARU_MAX_RANK / 2);
        return;
    }
    sv da[NARU_MAX_RANK], db[NARU_MAX_RANK], out[NARU_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        sv x = i < rank - ra ? sv_int(1) : t_dim(L, a, i - (rank - ra));
        sv y = i < rank - rb ? sv_int(1) : t_dim(L, b, i - (rank - rb));
        da[2 * i] = x, da[2 * i + 1] = sv_int(1);
        db[2 * i] = sv_int(1), db[2 * i + 1] = y;
        out[i] = s_mul(L, x, y);
    }
    a = nn_reshape(L, a, 2 * rank, da), b = nn_reshape(L, b, 2 * rank, db);
    ret_tensor(L, nn_reshape(L, t_dtype(L, a) == NARU_BOOL ? EMIT(And, a, b) : EMIT(Mul, a, b), rank, out));
}

/* ---- chains ---- */
void aten_multi_dot(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    if (!lower_ok(L)) return;
    if (n < 2) {
        lower_raise(L, "RuntimeError", "multi_dot(): expected at least 2 tensors but got %d", n);
        return;
    }
    sten *y = t[0];
    for (int i = 1; i < n && lower_ok(L); i++) {
        check_matmul(L, y, t[i]);
        y = nn_matmul(L, y, t[i]);
    }
    ret_tensor(L, y);
}

void aten_chain_matmul(lower *L) {
    sten **t;
    int n = arg_tensors(L, 0, &t);
    if (!lower_ok(L)) return;
    if (n == 0) lower_raise(L, "RuntimeError", "chain_matmul(): Expected one or more matrices");
    else if (n == 1) ret_tensor(L, t[0]);
    else aten_multi_dot(L);
}
