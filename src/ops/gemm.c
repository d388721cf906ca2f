/* SPDX-License-Identifier: MIT
 *
 * Gemm: Y = alpha A' B' + beta C, with A' = A or its transpose (transA), B' likewise. [ONNX Gemm-13]
 *
 * Shapes: A' [M, K], B' [K, N], C broadcast to [M, N] (C never widens Y) -> Y [M, N].
 * Types: floats, int32, int64, uint32, uint64 (computed in double, truncated). Versions: 1 (C broadcasts only with
 * broadcast=1), 6, 7 (C always broadcasts), 9 (integers), 11 (C optional), 13 (bfloat16).
 * Edge cases: K = 0 gives beta C; beta = 0 ignores C, infinities and NaN in it too.
 */
#include "ops/op.h"
#include "ops/util_linear.h"
#include "tensor/dtype.h"

enum { ALPHA, BETA, TRANS_A, TRANS_B };
static const attr_def attrs[] = {
    ATTR_F("alpha", 1.0f), ATTR_F("beta", 1.0f), ATTR_I("transA", 0), ATTR_I("transB", 0), {0},
};

static naru_status check_c(infer_ctx *c, const dim_t *y) {
    int r = in_rank(c, 2);
    if (r > 2) return op_fail(c, NARU_SHAPE, "C has rank %d, needs 2 or less", r);
    for (int d = 0; d < r; d++) {
        dim_t have = in_dim(c, 2, d), want = y[2 - r + d];
        if (dim_is_const(have) && dim_is_const(want) && have != want && have != 1)
            return op_fail(c, NARU_SHAPE, "C has %lld along axis %d, which does not broadcast to %lld", (long long)have,
                           d, (long long)want);
    }
    return NARU_OK;
}

static naru_status infer(infer_ctx *c) {
    dim_t y[2] = {DIM_UNKNOWN, DIM_UNKNOWN}, k[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    for (int i = 0; i < 2; i++) {
        int r = in_rank(c, i);
        if (r < 0) continue;
        if (r != 2) return op_fail(c, NARU_SHAPE, "%c has rank %d, needs 2", "AB"[i], r);
        bool trans = node_i(c->node, i == 0 ? TRANS_A : TRANS_B) != 0;
        int outer = i ^ (int)trans; /* which axis of the operand is one of Y's */
        y[i] = in_dim(c, i, outer);
        k[i] = in_dim(c, i, 1 - outer);
    }
    if (dim_is_const(k[0]) && dim_is_const(k[1]) && k[0] != k[1])
        return op_fail(c, NARU_SHAPE, "the inner sizes %lld and %lld differ", (long long)k[0], (long long)k[1]);
    TRY(check_c(c, y));
    out_tensor(c, 0, in_dtype(c, 0), 2, y);
    return NARU_OK;
}

/* Row i of A' as doubles. */
static void read_row(const naru_tensor *a, bool trans, int64_t i, int64_t k, double *row) {
    if (!trans) dtype_read_f64(a->dtype, a->data, i * k, k, row);
    for (int64_t j = 0; trans && j < k; j++) dtype_read_f64(a->dtype, a->data, j * a->dims[1] + i, 1, row + j);
}

/* acc = A' B'. B is read once, row by row, so that a large one is never held in double. */
static void product(const double *a, const naru_tensor *b, bool trans, int64_t m, int64_t k, int64_t n, double *row,
                    double *acc) {
    memset(acc, 0, (size_t)(m * n) * sizeof *acc);
    for (int64_t r = 0; r < (trans ? n : k); r++) {
        dtype_read_f64(b->dtype, b->data, r * (trans ? k : n), trans ? k : n, row);
        for (int64_t i = 0; i < m; i++) {
            if (trans) acc[i * n + r] = util_dot(a + i * k, row, k);
            else util_axpy(acc + i * n, a[i * k + r], row, n);
        }
    }
}

static naru_status finish(eval_ctx *c, const naru_tensor *bias, naru_tensor *y, double *acc) {
    double alpha = node_f(c->node, ALPHA), beta = node_f(c->node, BETA);
    int64_t m = y->dims[0], n = y->dims[1], s[2] = {0};
    const double *b = NULL;
    if (bias && beta != 0) {
        if (!(b = eval_f64(c, bias))) return NARU_OUT_OF_MEMORY;
        broadcast_strides(bias, 2, y->dims, s);
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            acc[i * n + j] = alpha * acc[i * n + j] + (b ? beta * b[i * s[0] + j * s[1]] : 0);
    dtype_write_f64(y->dtype, y->data, 0, m * n, acc, true);
    return NARU_OK;
}

/* Integers with whole alpha and beta 1 stay exact. */
static naru_status eval_int(eval_ctx *c, const naru_tensor *a, const naru_tensor *b, const naru_tensor *bias,
                            naru_tensor *y) {
    bool ta = node_i(c->node, TRANS_A) != 0, tb = node_i(c->node, TRANS_B) != 0;
    int64_t m = y->dims[0], n = y->dims[1], k = a->dims[!ta], s[2] = {0};
    const int64_t *da = eval_i64(c, a), *db = eval_i64(c, b), *dc = bias ? eval_i64(c, bias) : NULL;
    if (!da || !db || (bias && !dc)) return NARU_OUT_OF_MEMORY;
    if (bias) broadcast_strides(bias, 2, y->dims, s);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            uint64_t sum = dc ? (uint64_t)dc[i * s[0] + j * s[1]] : 0;
            for (int64_t q = 0; q < k; q++)
                sum += (uint64_t)da[ta ? q * m + i : i * k + q] * (uint64_t)db[tb ? j * k + q : q * n + j];
            dtype_set_i64(y->dtype, y->data, i * n + j, (int64_t)sum);
        }
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1), *bias = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    if (dtype_is_int(a->dtype) && node_f(c->node, ALPHA) == 1 && node_f(c->node, BETA) == 1)
        return eval_int(c, a, b, bias, y);
    bool ta = node_i(c->node, TRANS_A) != 0, tb = node_i(c->node, TRANS_B) != 0;
    int64_t m = y->dims[0], n = y->dims[1], k = a->dims[!ta];
    double *rows = eval_scratch(c, (size_t)(m * k) * sizeof *rows),
           *acc = eval_scratch(c, (size_t)(m * n) * sizeof *acc);
    double *row = eval_scratch(c, (size_t)i64_max(k, n) * sizeof *row);
    if (!rows || !acc || !row) return NARU_OUT_OF_MEMORY;
    for (int64_t i = 0; i < m; i++) read_row(a, ta, i, k, rows + i * k);
    product(rows, b, tb, m, k, n, row, acc);
    return finish(c, bias, y, acc);
}

/* C was broadcast only when the attribute said so. Both spellings mean the same once C fits: the attribute goes. */
static naru_status up7(lift_ctx *c, node *n) {
    attr *b = node_attr(n, "broadcast");
    if (b) b->kind = ATTR_NONE;
    return NARU_OK;
}

const op_desc op_Gemm = {
    .name = "Gemm",
    .versions = (const short[]){1, 6, 7, 9, 11, 13, 0},
    .sig = "A:T, B:T, C:T? -> Y:T | T = float int32 int64 uint32 uint64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{7, up7}, {0}},
};
