/* SPDX-License-Identifier: MIT
 *
 * RMSNormalization: Y = scale X / sqrt(mean of X^2 + epsilon), the mean over the axes from `axis` on. [ONNX
 * RMSNormalization-23]
 *
 * Shapes: scale broadcasts to X; Y like X. Types: X a float type, scale and Y another. The computation is never less
 * precise than stash_type asks.
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
    int r = in_rank(c, 0), axis;
    if (r >= 0) TRY(infer_axis(c, node_i(c->node, AXIS), r, &axis));
    TRY(norm_check_operand(c, 1, "scale"));
    out_like(c, 0, 0);
    c->out[0].type.dtype = in_dtype(c, 1);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *st = eval_in(c, 1);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int axis = (int)(node_i(c->node, AXIS) + (node_i(c->node, AXIS) < 0 ? x->rank : 0));
    int64_t rows = 1, n = 1;
    for (int d = 0; d < x->rank; d++) *(d < axis ? &rows : &n) *= x->dims[d];
    const double *xd = eval_f64(c, x), *scale = eval_f64(c, st);
    double *row = eval_scratch(c, (size_t)n * sizeof *row);
    if (!xd || !scale || !row) return NARU_OUT_OF_MEMORY;
    norm_walk ws = norm_walk_start(x, st);
    for (int64_t r = 0; r < rows; r++) {
        double q = 0;
        for (int64_t i = 0; i < n; i++) q += xd[r * n + i] * xd[r * n + i];
        double inv = 1 / sqrt(q / (double)n + node_f(c->node, EPSILON));
        for (int64_t i = 0; i < n; i++, norm_walk_next(&ws)) row[i] = xd[r * n + i] * inv * scale[ws.offset];
        dtype_write_f64(y->dtype, y->data, r * n, n, row, true);
    }
    return NARU_OK;
}

static naru_status down23(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *scale = lw_in(n, 1);
    naru_dtype d = lw_dtype(scale), wide = norm_type(lw_dtype(x));
    if (d == NARU_DOUBLE) wide = d;
    value *axes = lw_axes(c, x, node_i(n, AXIS));
    if (!axes) return lw_refuse(c, "the rank is not known");
    value *v = lw_cast(c, x, wide), *square = LW(c, "Mul", v, v);
    value *mean = LW(c, "ReduceMean", square, axes);
    value *root = LW(c, "Sqrt", LW(c, "Add", mean, lw_number(c, wide, node_f(n, EPSILON))));
    value *y = LW(c, "Mul", LW(c, "Div", v, root), lw_cast(c, scale, wide));
    return lw_replace(c, n, lw_cast(c, y, d));
}

const op_desc op_RMSNormalization = {
    .name = "RMSNormalization",
    .versions = (const short[]){23, 0},
    .sig = "X:T, scale:V -> Y:V | T = float; V = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{23, down23}, {0}},
};
