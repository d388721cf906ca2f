/* SPDX-License-Identifier: MIT
 *
 * GatherElements: y[i, j, ..] = data[.., indices[i, j, ..], ..], the index replacing the coordinate of `axis`. [ONNX
 * GatherElements-13]
 *
 * indices have data's rank and, off the axis, at most its dims. Negative indices count from the end. Types: any.
 * Versions: 11, 13.
 */
#include "ops/util_move.h"

enum { AXIS };

static naru_status infer(infer_ctx *c) {
    int axis;
    if (in_rank(c, 0) >= 0) TRY(infer_axis(c, node_i(c->node, AXIS), in_rank(c, 0), &axis));
    out_like(c, 0, 1);
    c->out[0].type.dtype = in_dtype(c, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *ix = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *at = eval_i64(c, ix);
    if (!y) return NARU_OK;
    if (!at) return NARU_OUT_OF_MEMORY;
    if (ix->rank != x->rank) return eval_fail(c, NARU_SHAPE, "indices and data must have the same rank");
    int64_t axis = node_i(c->node, AXIS), rows[NARU_MAX_RANK], idx[NARU_MAX_RANK] = {0};
    if (axis < 0) axis += x->rank;
    row_strides(x->rank, x->dims, rows);
    for (int d = 0; d < x->rank; d++)
        if (d != axis && ix->dims[d] > x->dims[d])
            return eval_fail(c, NARU_SHAPE, "indices are larger than data on axis %d", d);
    for (int64_t i = 0, n = tensor_count(ix); i < n; i++) {
        int64_t v = at[i] < 0 ? at[i] + x->dims[axis] : at[i], base = 0;
        if (v < 0 || v >= x->dims[axis])
            return eval_fail(c, NARU_INVALID_ARGUMENT, "index %lld is outside the axis", (long long)at[i]);
        for (int d = 0; d < x->rank; d++) base += (d == axis ? v : idx[d]) * rows[d];
        if (!move_elems(y, i, x, base, 1)) return err_oom(c->err);
        for (int d = x->rank - 1; d >= 0 && ++idx[d] == ix->dims[d]; d--) idx[d] = 0;
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 0), {0}};

const op_desc op_GatherElements = {
    .name = "GatherElements",
    .versions = (const short[]){11, 13, 0},
    .sig = "data:T, indices:I -> output:T | T = all; I = int32 int64",
    .since = "T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
