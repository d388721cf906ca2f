/* SPDX-License-Identifier: MIT
 *
 * GatherND: y[b.., i.., rest..] = data[b.., indices[b.., i.., :], rest..]. [ONNX GatherND-13]
 *
 * The first batch_dims axes are shared; indices [.., k] name the next k axes. Negative indices count from the end.
 * Types: any. Versions: 11, 12 (batch_dims), 13.
 */
#include "ops/util_move.h"

enum { BATCH };

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), q = in_rank(c, 1);
    int64_t b = node_i(c->node, BATCH);
    if (r < 0 || q < 1 || !dim_is_const(in_dim(c, 1, q - 1)))
        return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    int64_t k = in_dim(c, 1, q - 1);
    if (b < 0 || b >= q || b + k > r)
        return op_fail(c, NARU_SHAPE, "batch_dims %lld and %lld indices exceed rank %d", (long long)b, (long long)k, r);
    dim_t d[2 * NARU_MAX_RANK];
    int n = 0;
    for (int i = 0; i < (int)b; i++) {
        dim_t x = in_dim(c, 0, i), y = in_dim(c, 1, i);
        if (dim_is_const(x) && dim_is_const(y) && x != y)
            return op_fail(c, NARU_SHAPE, "batch axis %d is %lld in data, %lld in indices", i, (long long)x,
                           (long long)y);
    }
    for (int i = 0; i < q - 1; i++) d[n++] = in_dim(c, 1, i);
    for (int i = (int)(b + k); i < r; i++) d[n++] = in_dim(c, 0, i);
    if (n > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %d exceeds %d", n, NARU_MAX_RANK);
    out_tensor(c, 0, in_dtype(c, 0), n, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *ix = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *at = eval_i64(c, ix);
    if (!y) return NARU_OK;
    if (!at) return NARU_OUT_OF_MEMORY;
    int b = (int)node_i(c->node, BATCH);
    int64_t k = ix->dims[ix->rank - 1], n = 1, batch = 1, inner = 1, per = 1, rows[NARU_MAX_RANK];
    row_strides(x->rank, x->dims, rows);
    for (int i = 0; i < ix->rank - 1; i++) n *= ix->dims[i];
    for (int i = 0; i < b; i++) batch *= x->dims[i];
    for (int i = b + (int)k; i < x->rank; i++) inner *= x->dims[i];
    for (int i = b; i < x->rank; i++) per *= x->dims[i];
    int64_t each = batch ? n / batch : 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t base = i / each * per;
        for (int64_t d = 0; d < k; d++) {
            int64_t v = at[i * k + d], size = x->dims[b + d];
            if (v < 0) v += size;
            if (v < 0 || v >= size)
                return eval_fail(c, NARU_INVALID_ARGUMENT, "index %lld is outside axis %lld", (long long)at[i * k + d],
                                 (long long)(b + d));
            base += v * rows[b + d];
        }
        if (inner && !move_elems(y, i * inner, x, base, inner)) return err_oom(c->err);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("batch_dims", 0), {0}};

const op_desc op_GatherND = {
    .name = "GatherND",
    .versions = (const short[]){11, 12, 13, 0},
    .sig = "data:T, indices:int64 -> output:T | T = all",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
