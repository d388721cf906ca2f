/* SPDX-License-Identifier: MIT
 *
 * MatMul: Y[..., i, j] = sum over k of A[..., i, k] * B[..., k, j]. [ONNX MatMul-13]
 *
 * Shapes: numpy.matmul: leading dims broadcast; a rank-1 A is a row, a rank-1 B a column, and that dim is dropped from
 * Y. Types: floats, int32, int64, uint32, uint64 (integers wrap). Versions: 1, 9 (integers), 13 (bfloat16). Edge cases:
 * K = 0 gives zeros; rank 0 is an error.
 */
#include "ops/op.h"
#include "ops/util_linear.h"
#include "tensor/dtype.h"

/* The type with a rank-1 operand made a matrix: A [K] -> [1, K], B [K] -> [K, 1]. */
static type as_matrix(const type *t, bool first) {
    type m = *t;
    if (t->has_rank && t->rank == 1) {
        m.rank = 2;
        m.dims[0] = first ? 1 : t->dims[0];
        m.dims[1] = first ? t->dims[0] : 1;
    }
    return m;
}

static naru_status infer(infer_ctx *c) {
    int ra = in_rank(c, 0), rb = in_rank(c, 1);
    if (ra == 0 || rb == 0) return op_fail(c, NARU_SHAPE, "a scalar has no matrix product");
    if (ra < 0 || rb < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    type a = as_matrix(&c->in[0]->type, true), b = as_matrix(&c->in[1]->type, false), y = a;
    dim_t ka = a.dims[a.rank - 1], kb = b.dims[b.rank - 2];
    if (dim_is_const(ka) && dim_is_const(kb) && ka != kb)
        return op_fail(c, NARU_SHAPE, "A has %lld columns, B has %lld rows", (long long)ka, (long long)kb);
    dim_t m = a.dims[a.rank - 2], n = b.dims[b.rank - 1];
    a.rank -= 2;
    b.rank -= 2;
    TRY(infer_broadcast_shapes(c, &a, &b, &y));
    if (ra > 1) y.dims[y.rank++] = m;
    if (rb > 1) y.dims[y.rank++] = n;
    out_tensor(c, 0, in_dtype(c, 0), y.rank, y.dims);
    return NARU_OK;
}

/* Sizes of one product, and the leading dims of Y with the operands' strides over them, in matrices. */
typedef struct plan {
    int64_t m, k, n, count;
    int lead;
    int64_t dims[NARU_MAX_RANK], sa[NARU_MAX_RANK], sb[NARU_MAX_RANK];
} plan;

static void lead_strides(const naru_tensor *t, const plan *p, int64_t *strides) {
    naru_tensor lead = *t;
    lead.rank = t->rank > 2 ? t->rank - 2 : 0;
    broadcast_strides(&lead, p->lead, p->dims, strides);
}

static plan make_plan(const naru_tensor *a, const naru_tensor *b, const naru_tensor *y) {
    plan p = {.k = a->dims[a->rank - 1],
              .m = a->rank > 1 ? a->dims[a->rank - 2] : 1,
              .n = b->rank > 1 ? b->dims[b->rank - 1] : 1,
              .count = 1};
    p.lead = y->rank - (a->rank > 1) - (b->rank > 1);
    for (int d = 0; d < p.lead; d++) p.count *= p.dims[d] = y->dims[d];
    lead_strides(a, &p, p.sa);
    lead_strides(b, &p, p.sb);
    return p;
}

static void product(const plan *p, const double *a, const double *b, double *y) {
    memset(y, 0, (size_t)(p->m * p->n) * sizeof *y);
    if (p->n == 1) {
        for (int64_t i = 0; i < p->m; i++) y[i] = util_dot(a + i * p->k, b, p->k);
        return;
    }
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t k = 0; k < p->k; k++) util_axpy(y + i * p->n, a[i * p->k + k], b + k * p->n, p->n);
}

static void product_int(const plan *p, const int64_t *a, const int64_t *b, int64_t *y) {
    memset(y, 0, (size_t)(p->m * p->n) * sizeof *y);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t k = 0; k < p->k; k++)
            for (int64_t j = 0; j < p->n; j++)
                y[i * p->n + j] =
                    (int64_t)((uint64_t)y[i * p->n + j] + (uint64_t)a[i * p->k + k] * (uint64_t)b[k * p->n + j]);
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    plan p = make_plan(a, b, y);
    bool ints = dtype_is_int(a->dtype);
    const void *da = ints ? (const void *)eval_i64(c, a) : eval_f64(c, a),
               *db = ints ? (const void *)eval_i64(c, b) : eval_f64(c, b);
    void *acc = eval_scratch(c, (size_t)(p.m * p.n) * 8);
    if (!da || !db || !acc) return NARU_OUT_OF_MEMORY;
    int64_t at[NARU_MAX_RANK] = {0}, oa = 0, ob = 0;
    for (int64_t i = 0; i < p.count; i++) {
        if (ints) {
            product_int(&p, (const int64_t *)da + oa * p.m * p.k, (const int64_t *)db + ob * p.k * p.n, acc);
            dtype_write_i64(y->dtype, y->data, i * p.m * p.n, p.m * p.n, acc);
        } else {
            product(&p, (const double *)da + oa * p.m * p.k, (const double *)db + ob * p.k * p.n, acc);
            dtype_write_f64(y->dtype, y->data, i * p.m * p.n, p.m * p.n, acc, true);
        }
        for (int d = p.lead - 1; d >= 0; d--) {
            oa += p.sa[d];
            ob += p.sb[d];
            if (++at[d] < p.dims[d]) break;
            oa -= p.sa[d] * p.dims[d];
            ob -= p.sb[d] * p.dims[d];
            at[d] = 0;
        }
    }
    return NARU_OK;
}

const op_desc op_MatMul = {
    .name = "MatMul",
    .versions = (const short[]){1, 9, 13, 0},
    .sig = "A:T, B:T -> Y:T | T = float int32 int64 uint32 uint64",
    .infer = infer,
    .eval = eval,
};
