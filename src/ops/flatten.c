/* SPDX-License-Identifier: MIT
 *
 * Flatten: [d0 .. dn) becomes [d0*..*d(axis-1), d(axis)*..*d(n-1)]. [ONNX Flatten-25]
 *
 * axis in [-rank, rank]. Types: any. Versions: 1, 9, 11 (negative axis), 13, 21, 23, 24, 25. Rank 0 gives [1, 1].
 */
#include "ops/util_move.h"

enum { AXIS };

static naru_status infer(infer_ctx *c) {
    int rank = in_rank(c, 0);
    dim_t d[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    if (rank >= 0) {
        int64_t axis = node_i(c->node, AXIS);
        if (axis < -rank || axis > rank)
            return op_fail(c, NARU_SHAPE, "axis %lld is outside [%d, %d]", (long long)axis, -rank, rank);
        if (axis < 0) axis += rank;
        d[0] = d[1] = 1;
        for (int i = 0; i < rank; i++) d[i >= axis] = sym_mul(c->syms, d[i >= axis], in_dim(c, 0, i));
    }
    out_tensor(c, 0, in_dtype(c, 0), 2, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    return y && !move_elems(y, 0, eval_in(c, 0), 0, tensor_count(y)) ? err_oom(c->err) : NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 1), {0}};

const op_desc op_Flatten = {
    .name = "Flatten",
    .versions = (const short[]){1, 9, 11, 13, 21, 23, 24, 25, 0},
    .sig = "input:T -> output:T | T = all",
    .since = "T 21 float8; T never float6",
    .attrs = attrs,
    .flags = OP_VIEW,
    .infer = infer,
    .eval = eval,
};
