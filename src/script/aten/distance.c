/* SPDX-License-Identifier: MIT
 *
 * Distances between vectors: cosine similarity, pairwise_distance, cdist and pdist. p = 0 counts differences, infinity
 * takes the largest.
 */
#include <math.h>

#include "script/aten/nn.h"

static sten *norm_p(lower *L, sten *x, double p, int axis, bool keep) {
    if (p == 2) return nn_reduce1(L, &op_ReduceL2, x, axis, keep);
    if (p == 1) return nn_reduce1(L, &op_ReduceL1, x, axis, keep);
    naru_dtype d = t_dtype(L, x);
    sten *a = EMIT(Abs, x);
    if (p == 0) return nn_reduce1(L, &op_ReduceSum, EMIT(Sign, a), axis, keep);
    if (isinf(p)) return nn_reduce1(L, p > 0 ? &op_ReduceMax : &op_ReduceMin, a, axis, keep);
    sten *sum = nn_reduce1(L, &op_ReduceSum, EMIT(Pow, a, lit(L, d, p)), axis, keep);
    return EMIT(Pow, sum, lit(L, d, 1 / p));
}

static bool same_shape(lower *L, sten *a, sten *b) {
    int rank = t_rank(L, a);
    if (rank != t_rank(L, b)) return false;
    for (int i = 0; i < rank; i++) {
        sv x = t_dim(L, a, i);
        if (x.tag != SV_INT || !t_dim_is(L, b, i, x.i)) return false;
    }
    return true;
}

static sten *expand_to(lower *L, sten *t, sten *like) { /* to the common shape of both */
    sv dims[NARU_MAX_RANK];
    int rank = nn_dims(L, like, dims);
    return EMIT(Expand, t, ints_tensor(L, dims, rank));
}

void aten_cosine_similarity(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    double eps = arg_float(L, 3);
    if (lower_ok(L) && !same_shape(L, a, b)) {
        sten *wide = expand_to(L, a, b);
        b = expand_to(L, b, a), a = wide;
    }
    int axis = arg_axis(L, 2, t_rank(L, a));
    sten *least = lit(L, t_dtype(L, a), eps);
    a = EMIT(Div, a, EMIT(Max, norm_p(L, a, 2, axis, true), least));
    b = EMIT(Div, b, EMIT(Max, norm_p(L, b, 2, axis, true), least));
    ret_tensor(L, nn_reduce1(L, &op_ReduceSum, EMIT(Mul, a, b), axis, false));
}

void aten_pairwise_distance(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    promote2(L, &a, &b);
    sten *d = nn_plus(L, EMIT(Sub, a, b), arg_float(L, 3));
    ret_tensor(L, norm_p(L, d, arg_float(L, 2), t_rank(L, d) - 1, arg_bool(L, 4)));
}

/* sqrt(|a|^2 + |b|^2 - 2 a b'): quick, less exact near zero; PyTorch's choice from 26 rows on. */
static sten *by_product(lower *L, sten *a, sten *b) {
    int rank = t_rank(L, b), last = t_rank(L, a) - 1;
    if (!lower_ok(L)) return NULL;
    sten *sa = nn_reduce1(L, &op_ReduceSumSquare, a, last, true);
    sten *sb = view_transpose(L, nn_reduce1(L, &op_ReduceSumSquare, b, rank - 1, true), rank - 2, rank - 1);
    sten *ab = nn_times(L, nn_matmul(L, a, view_transpose(L, b, rank - 2, rank - 1)), -2);
    sten *square = EMIT(Add, EMIT(Add, sa, sb), ab);
    return EMIT(Sqrt, EMIT(Max, square, lit(L, t_dtype(L, a), 0)));
}

static sten *by_difference(lower *L, sten *a, sten *b, double p) {
    sten *d = EMIT(Sub, view_unsqueeze(L, a, t_rank(L, a) - 1), view_unsqueeze(L, b, t_rank(L, b) - 2));
    return norm_p(L, d, p, t_rank(L, d) - 1, false);
}

static bool check_cdist(lower *L, sten *a, sten *b) {
    for (int i = 0; i < 2 && lower_ok(L); i++)
        if (t_rank(L, i ? b : a) < 2)
            lower_raise(L, "RuntimeError", "cdist only supports at least 2D tensors, X%d got: %dD", i + 1,
                        t_rank(L, i ? b : a));
    if (!lower_ok(L)) return false;
    sv x = t_dim(L, a, -1), y = t_dim(L, b, -1);
    if (x.tag == SV_INT && y.tag == SV_INT && x.i != y.i)
        lower_raise(L, "RuntimeError", "X1 and X2 must have the same number of columns. X1: %lld X2: %lld",
                    (long long)x.i, (long long)y.i);
    return lower_ok(L);
}

static bool many(sv n) { return n.tag == SV_INT && n.i > 25; }

void aten_cdist(lower *L) {
    sten *a = arg_tensor(L, 0), *b = arg_tensor(L, 1);
    double p = arg_float(L, 2);
    int64_t mode = arg_int_or(L, 3, 0);
    if (!check_cdist(L, a, b)) return;
    bool product = p == 2 && (mode == 1 || (mode == 0 && (many(t_dim(L, a, -2)) || many(t_dim(L, b, -2)))));
    ret_tensor(L, product ? by_product(L, a, b) : by_difference(L, a, b, p));
}

void aten__euclidean_dist(lower *L) { ret_tensor(L, by_product(L, arg_tensor(L, 0), arg_tensor(L, 1))); }

/* The distances above the diagonal, row by row. */
void aten_pdist(lower *L) {
    sten *x = arg_tensor(L, 0);
    double p = arg_float(L, 1);
    if (lower_ok(L) && t_rank(L, x) != 2)
        lower_raise(L, "RuntimeError", "pdist only supports 2D tensors, got: %dD", t_rank(L, x));
    int64_t n = t_dim_int(L, x, 0), k = 0;
    if (!lower_ok(L)) return;
    if (n > 1 << 15) {
        lower_fail(L, NARU_UNSUPPORTED, "pdist of %lld rows", (long long)n);
        return;
    }
    sten *all = nn_reshape(L, by_difference(L, x, x, p), 1, (sv[]){sv_int(n * n)});
    int64_t *at = host_scratch(L, (size_t)(n * n + 1) * sizeof *at);
    if (!at) return;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) at[k++] = i * n + j;
    ret_tensor(L, EMITA(Gather, ATTRS(AI("axis", 0)), all, lit_ints(L, at, (int)k)));
}
