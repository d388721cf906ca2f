/* SPDX-License-Identifier: MIT
 *
 * Expand: broadcasts x with `shape` both ways (a 1 in shape keeps x's dim). [ONNX Expand-13]
 *
 * Types: any. Versions: 8, 13.
 */
#include "ops/util_move.h"

static naru_status infer(infer_ctx *c) {
    const elem_t *e;
    int64_t n;
    if (in_rank(c, 0) < 0 || !in_elems(c, 1, &e, &n)) {
        int rank = -1;
        if (in_rank(c, 0) >= 0 && in_rank(c, 1) == 1 && dim_is_const(in_dim(c, 1, 0)))
            rank = (int)i64_max(in_rank(c, 0), i64_min(in_dim(c, 1, 0), NARU_MAX_RANK));
        dim_t unknown[NARU_MAX_RANK];
        for (int i = 0; i < NARU_MAX_RANK; i++) unknown[i] = DIM_UNKNOWN;
        return out_tensor(c, 0, in_dtype(c, 0), rank, unknown), NARU_OK;
    }
    if (n > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %lld exceeds %d", (long long)n, NARU_MAX_RANK);
    type target = {.kind = TYPE_TENSOR, .has_rank = true, .rank = (int)n}, out = {0};
    for (int i = 0; i < n; i++) {
        if (e[i].kind == ELEM_CONST && e[i].v < 0)
            return op_fail(c, NARU_SHAPE, "shape[%d] is %lld", i, (long long)e[i].v);
        target.dims[i] = elem_to_dim(e[i]);
    }
    TRY(infer_broadcast_shapes(c, &c->in[0]->type, &target, &out));
    out_tensor(c, 0, in_dtype(c, 0), out.rank, out.dims);
    const elem_t *x;
    int64_t nx;
    if (out.rank <= 1 && (c->in[0]->elems || c->in[0]->constant) && in_elems(c, 0, &x, &nx) &&
        (out.rank == 0 || out.dims[0] == nx))
        out_elems(c, 0, x, nx);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    int64_t strides[NARU_MAX_RANK];
    if (!y) return NARU_OK;
    broadcast_strides(eval_in(c, 0), y->rank, y->dims, strides);
    return move_strided(c, y, eval_in(c, 0), 0, strides);
}

const op_desc op_Expand = {
    .name = "Expand",
    .versions = (const short[]){8, 13, 0},
    .sig = "input:T, shape:int64 -> output:T | T = all",
    .since = "T never small",
    .infer = infer,
    .eval = eval,
};
