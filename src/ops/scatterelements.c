/* SPDX-License-Identifier: MIT
 *
 * ScatterElements: y = data; y[.., indices[i, j, ..], ..] = updates[i, j, ..], the index replacing the coordinate of
 * `axis`. [ONNX ScatterElements-18]
 *
 * indices and updates have the same dims and data's rank. reduction: none, add, mul (16), max, min (18). Negative
 * indices count from the end. Types: any. Versions: 11, 13, 16, 18.
 */
#include "ops/util_scatter.h"
#include "ops/util_lower.h"

enum { AXIS, REDUCTION };

static naru_status infer(infer_ctx *c) {
    int axis;
    if (in_rank(c, 0) >= 0) TRY(infer_axis(c, node_i(c->node, AXIS), in_rank(c, 0), &axis));
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *ix = eval_in(c, 1), *u = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0);
    const int64_t *at = eval_i64(c, ix);
    if (!y) return NARU_OK;
    if (!at) return NARU_OUT_OF_MEMORY;
    if (ix->rank != x->rank || !tensor_same_dims(ix, u))
        return eval_fail(c, NARU_SHAPE,
                         "indices, updates and data must have the same rank, the first two the same dims");
    if (!move_elems(y, 0, x, 0, tensor_count(x))) return err_oom(c->err);
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
        if (!scatter_one(y, base, u, i, node_s(c->node, REDUCTION))) return err_oom(c->err);
        for (int d = x->rank - 1; d >= 0 && ++idx[d] == ix->dims[d]; d--) idx[d] = 0;
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 0), ATTR_S("reduction", "none"), {0}};

static naru_status down18(lower_ctx *c, node *n) {
    if (!lw_text_is(n, REDUCTION, "max") && !lw_text_is(n, REDUCTION, "min")) return NARU_OK;
    return lw_refuse(c, "there is no reduction '%s'", node_s(n, REDUCTION));
}

const op_desc op_ScatterElements = {
    .name = "ScatterElements",
    .versions = (const short[]){11, 13, 16, 18, 0},
    .sig = "data:T, indices:I, updates:T -> output:T | T = all; I = int32 int64",
    .since = "T never small; reduction 16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
