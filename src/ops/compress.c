/* SPDX-License-Identifier: MIT
 *
 * Compress: the slices along `axis` (or elements of the flattened input) whose condition is true. [ONNX Compress-28]
 *
 * A condition shorter than the axis leaves the rest out. Types: any. Versions: 9, 11, 28.
 */
#include "ops/util_move.h"

enum { AXIS };

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis;
    dim_t d[NARU_MAX_RANK] = {DIM_UNKNOWN};
    if (!node_has(c->node, AXIS)) return out_tensor(c, 0, in_dtype(c, 0), 1, d), NARU_OK;
    if (r < 0) return out_tensor(c, 0, in_dtype(c, 0), -1, NULL), NARU_OK;
    TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
    for (int i = 0; i < r; i++) d[i] = i == axis ? DIM_UNKNOWN : in_dim(c, 0, i);
    out_tensor(c, 0, in_dtype(c, 0), r, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *w = eval_in(c, 1);
    const bool *keep = w->data;
    bool flat = !node_has(c->node, AXIS);
    int64_t axis = flat ? 0 : node_i(c->node, AXIS), outer = 1, inner = 1, dims[NARU_MAX_RANK], kept = 0;
    if (axis < 0) axis += x->rank;
    int64_t n = flat ? tensor_count(x) : x->dims[axis];
    for (int i = 0; !flat && i < axis; i++) outer *= x->dims[i];
    for (int i = (int)axis + 1; !flat && i < x->rank; i++) inner *= x->dims[i];
    int64_t m = i64_min(n, tensor_count(w));
    for (int64_t i = 0; i < m; i++) kept += keep[i];
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i];
    dims[axis] = kept;
    naru_tensor *y;
    TRY(eval_alloc(c, 0, x->dtype, flat ? 1 : x->rank, dims, &y));
    int64_t at = 0;
    for (int64_t o = 0; y && inner && o < outer; o++)
        for (int64_t i = 0; i < m; i++)
            if (keep[i] && !move_elems(y, at++ * inner, x, (o * n + i) * inner, inner)) return err_oom(c->err);
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("axis", ATTR_INT), {0}};

const op_desc op_Compress = {
    .name = "Compress",
    .versions = (const short[]){9, 11, 28, 0},
    .sig = "input:T, condition:bool -> output:T | T = all",
    .since = "T 28 bfloat16; T never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
