/* SPDX-License-Identifier: MIT
 *
 * OneHot: a new axis of size depth at `axis`; values[1] where its index equals the index, values[0] elsewhere. [ONNX
 * OneHot-28]
 *
 * Indices in [-depth, depth), negative from the end; outside that the row is all values[0]. Types: indices, depth:
 * numbers; values: any. Versions: 9, 11, 28.
 */
#include "ops/util_move.h"

#include "tensor/dtype.h"

enum { AXIS };

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis;
    double depth;
    if (r < 0) return out_tensor(c, 0, in_dtype(c, 2), -1, NULL), NARU_OK;
    if (r + 1 > NARU_MAX_RANK) return op_fail(c, NARU_LIMIT, "rank %d exceeds %d", r + 1, NARU_MAX_RANK);
    TRY(infer_axis(c, node_i(c->node, AXIS), r + 1, &axis));
    dim_t d[NARU_MAX_RANK];
    for (int i = 0, k = 0; i <= r; i++) d[i] = i == axis ? DIM_UNKNOWN : in_dim(c, 0, k++);
    if (in_scalar(c, 1, &depth)) {
        if (!(depth >= 0 && depth < 9e15)) return op_fail(c, NARU_SHAPE, "depth is %g", depth);
        d[axis] = (int64_t)depth;
    }
    out_tensor(c, 0, in_dtype(c, 2), r + 1, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *ix = eval_in(c, 0), *dt = eval_in(c, 1), *v = eval_in(c, 2);
    double depth = dtype_get_f64(dt->dtype, dt->data, 0);
    if (!(depth >= 0 && depth < 9e15) || tensor_count(v) != 2)
        return eval_fail(c, NARU_SHAPE, "depth is %g, values has %lld elements (needs 2)", depth,
                         (long long)tensor_count(v));
    int64_t n = (int64_t)depth, axis = node_i(c->node, AXIS), inner = 1, dims[NARU_MAX_RANK];
    if (axis < 0) axis += ix->rank + 1;
    for (int i = 0, k = 0; i <= ix->rank; i++) dims[i] = i == axis ? n : ix->dims[k++];
    for (int i = (int)axis; i < ix->rank; i++) inner *= ix->dims[i];
    naru_tensor *y;
    TRY(eval_alloc(c, 0, v->dtype, ix->rank + 1, dims, &y));
    for (int64_t i = 0, total = y ? tensor_count(y) : 0; i < total; i++) {
        int64_t a = i / inner % n, at = dtype_get_i64(ix->dtype, ix->data, i / inner / n * inner + i % inner);
        if (at < 0) at += n;
        if (!move_elems(y, i, v, at == a, 1)) return err_oom(c->err);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", -1), {0}};

const op_desc op_OneHot = {
    .name = "OneHot",
    .versions = (const short[]){9, 11, 28, 0},
    .sig = "indices:T1, depth:T2, values:T3 -> output:T3 | T1 = num; T2 = num; T3 = all",
    .since = "T1 never bfloat16; T2 never bfloat16; T3 28 bfloat16; T3 never small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
