/* SPDX-License-Identifier: MIT
 *
 * Tile: repeats x repeats[i] times along each axis i. [ONNX Tile-13]
 *
 * Types: any. Versions: 1 (tiles and axis inputs: not supported), 6, 13. Repeats are >= 0.
 */
#include "ops/util_move.h"

static naru_status infer(infer_ctx *c) {
    const elem_t *e;
    int64_t n;
    int rank = in_rank(c, 0);
    dim_t d[NARU_MAX_RANK];
    bool known = in_elems(c, 1, &e, &n);
    if (rank >= 0 && known && n != rank)
        return op_fail(c, NARU_SHAPE, "%lld repeats for a rank-%d tensor", (long long)n, rank);
    for (int i = 0; i < rank; i++) {
        if (known && e[i].kind == ELEM_CONST && e[i].v < 0)
            return op_fail(c, NARU_SHAPE, "repeats[%d] is %lld", i, (long long)e[i].v);
        d[i] = known ? sym_mul(c->syms, in_dim(c, 0, i), elem_to_dim(e[i])) : DIM_UNKNOWN;
    }
    out_tensor(c, 0, in_dtype(c, 0), rank, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t rows[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0}, n = tensor_count(y);
    row_strides(x->rank, x->dims, rows);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0;
        for (int d = 0; d < x->rank; d++) at += idx[d] % x->dims[d] * rows[d];
        if (!move_elems(y, i, x, at, 1)) return err_oom(c->err);
        for (int d = x->rank - 1; d >= 0 && ++idx[d] == y->dims[d]; d--) idx[d] = 0;
    }
    return NARU_OK;
}

const op_desc op_Tile = {
    .name = "Tile",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "input:T, repeats:int64 -> output:T | T = all",
    .since = "T never small",
    .infer = infer,
    .eval = eval,
};
