/* SPDX-License-Identifier: MIT
 *
 * LayerNormalization: Y = Scale (X - Mean) InvStdDev + B, with mean and population variance over the axes from `axis`
 * on and InvStdDev = 1 / sqrt(variance + epsilon). [ONNX LayerNormalization-17]
 *
 * Shapes: Scale and B broadcast to X; Y like X; Mean and InvStdDev like X with 1 from `axis` on.
 * Types: floats; Mean and InvStdDev have the type that stash_type names (1 float, 16 bfloat16).
 * Edge cases: an empty row gives NaN statistics; the computation is never less precise than stash_type asks.
 */
#include "ops/util_norm.h"
#include "ops/util_lower.h"

enum { AXIS, EPSILON, STASH_TYPE };
static const attr_def attrs[] = {
    ATTR_I("axis", -1),
    ATTR_F("epsilon", 1e-5f),
    ATTR_I("stash_type", 1),
    {0},
};

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0), axis = 0;
    int64_t stash = node_i(c->node, STASH_TYPE);
    if (stash != NARU_FLOAT && stash != NARU_BFLOAT16 && stash != NARU_DOUBLE && stash != NARU_FLOAT16)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'stash_type' is %lld", (long long)stash);
    if (r >= 0) TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
    TRY(norm_check_operand(c, 1, "Scale"));
    TRY(norm_check_operand(c, 2, "B"));
    out_like(c, 0, 0);
    dim_t dims[NARU_MAX_RANK];
    for (int d = 0; d < r; d++) dims[d] = d < axis ? in_dim(c, 0, d) : 1;
    out_tensor(c, 1, (naru_dtype)stash, r, dims);
    out_tensor(c, 2, (naru_dtype)stash, r, dims);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *st = eval_in(c, 1), *bt = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0), *mt = eval_out(c, 1), *it = eval_out(c, 2);
    int axis = (int)(node_i(c->node, AXIS) + (node_i(c->node, AXIS) < 0 ? x->rank : 0));
    int64_t rows = 1, n = 1;
    for (int d = 0; d < x->rank; d++) *(d < axis ? &rows : &n) *= x->dims[d];
    const double *xd = eval_f64(c, x), *scale = eval_f64(c, st), *bias = bt ? eval_f64(c, bt) : NULL;
    double *row = eval_scratch(c, (size_t)n * sizeof *row);
    if (!xd || !scale || (bt && !bias) || !row) return NARU_OUT_OF_MEMORY;
    norm_walk ws = norm_walk_start(x, st), wb = norm_walk_start(x, bt);
    for (int64_t r = 0; r < rows; r++) {
        double mean, var, inv;
        norm_stats(xd + r * n, n, &mean, &var);
        inv = 1 / sqrt(var + node_f(c->node, EPSILON));
        for (int64_t i = 0; i < n; i++, norm_walk_next(&ws), norm_walk_next(&wb))
            row[i] = (xd[r * n + i] - mean) * inv * scale[ws.offset] + (bias ? bias[wb.offset] : 0);
        if (y) dtype_write_f64(y->dtype, y->data, r * n, n, row, true);
        if (mt) dtype_set_f64(mt->dtype, mt->data, r, mean);
        if (it) dtype_set_f64(it->dtype, it->data, r, inv);
    }
    return NARU_OK;
}

static naru_status down17(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *scale = lw_in(n, 1), *bias = lw_in(n, 2);
    norm_parts parts;
    naru_dtype d = lw_dtype(x), wide = norm_type(d), stash = (naru_dtype)node_i(n, STASH_TYPE);
    value *axes = lw_axes(c, x, node_i(n, AXIS));
    if (!axes) return lw_refuse(c, "the rank is not known");
    value *y = norm_lower(c, lw_cast(c, x, wide), axes, node_f(n, EPSILON), &parts);
    y = LW(c, "Mul", y, lw_cast(c, scale, wide));
    if (bias) y = LW(c, "Add", y, lw_cast(c, bias, wide));
    lw_output(c, n, 0, lw_cast(c, y, d));
    if (lw_out(n, 1)) lw_output(c, n, 1, lw_cast(c, parts.mean, stash));
    if (lw_out(n, 2)) lw_output(c, n, 2, lw_cast(c, LW(c, "Reciprocal", parts.root), stash));
    return lw_finish(c, n);
}

const op_desc op_LayerNormalization = {
    .name = "LayerNormalization",
    .versions = (const short[]){17, 0},
    .sig = "X:T, Scale:T, B:T? -> Y:T, Mean:U?, InvStdDev:U? | T = float; U = float",
    .since = "U never float16 double",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{17, down17}, {0}},
};
