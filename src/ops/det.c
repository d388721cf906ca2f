/* SPDX-License-Identifier: MIT
 *
 * Det: determinants of the square matrices in the last two axes. [ONNX Det-22]
 *
 * X [*, m, m] -> Y [*]. Types: floats. Versions: 11, 22. In double, by elimination with partial pivoting. Edge cases: a
 * 0 x 0 matrix has determinant 1; a matrix of rank below m gives 0 (or what rounding leaves).
 */
#include <math.h>

#include "ops/op.h"
#include "tensor/dtype.h"

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0);
    if (rank < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    if (rank < 2) return op_fail(c, NARU_SHAPE, "rank %d, needs at least 2", rank);
    dim_t a = in_dim(c, 0, rank - 2), b = in_dim(c, 0, rank - 1);
    if (dim_is_const(a) && dim_is_const(b) && a != b)
        return op_fail(c, NARU_SHAPE, "%lld x %lld matrices are not square", (long long)a, (long long)b);
    out_tensor(c, 0, in_dtype(c, 0), rank - 2, c->in[0]->type.dims);
    return NARU_OK;
}

/* Moves the row with the largest entry of column k to row k; false when all are 0. *det gets the sign. */
static bool pivot(double *a, int64_t m, int64_t k, double *det) {
    int64_t best = k;
    for (int64_t i = k + 1; i < m; i++)
        if (fabs(a[i * m + k]) > fabs(a[best * m + k])) best = i;
    if (a[best * m + k] == 0) return false;
    if (best == k) return true;
    *det = -*det;
    for (int64_t j = 0; j < m; j++) {
        double t = a[k * m + j];
        a[k * m + j] = a[best * m + j];
        a[best * m + j] = t;
    }
    return true;
}

static double determinant(double *a, int64_t m) {
    double det = 1;
    for (int64_t k = 0; k < m; k++) {
        if (!pivot(a, m, k, &det)) return 0;
        det *= a[k * m + k];
        for (int64_t i = k + 1; i < m; i++) {
            double f = a[i * m + k] / a[k * m + k];
            for (int64_t j = k; j < m; j++) a[i * m + j] -= f * a[k * m + j];
        }
    }
    return det;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t m = x->dims[x->rank - 1];
    double *a = eval_scratch(c, (size_t)(m * m) * sizeof *a);
    if (!a) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0, n = tensor_count(y); i < n; i++) {
        dtype_read_f64(x->dtype, x->data, i * m * m, m * m, a);
        dtype_set_f64(y->dtype, y->data, i, determinant(a, m));
    }
    return NARU_OK;
}

const op_desc op_Det = {
    .name = "Det",
    .versions = (const short[]){11, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .infer = infer,
    .eval = eval,
};
