/* SPDX-License-Identifier: MIT
 *
 * GroupNormalization: Y = scale (X - mean) / sqrt(variance + epsilon) + bias, mean and population variance over each of
 * num_groups runs of consecutive channels of each sample. [ONNX GroupNormalization-21]
 *
 * Shapes: X [N, C, D...], scale [C], bias [C] -> Y like X; num_groups divides C.
 * Types: floats. Versions: 18 (scale and bias have one element per group: a vector of num_groups elements still means
 * that, which is unambiguous), 21 (one per channel, stash_type). The statistics are never less precise than stash_type
 * asks.
 */
#include "ops/util_norm.h"
#include "ops/util_lower.h"

enum { EPSILON, NUM_GROUPS, STASH_TYPE };
static const attr_def attrs[] = {
    ATTR_F("epsilon", 1e-5f),
    ATTR_REQ("num_groups", ATTR_INT),
    ATTR_I("stash_type", 1),
    {0},
};

static naru_status check_operand(infer_ctx *c, int i, int64_t groups) {
    TRY(util_need_rank(c, i, 1, "a per-channel operand"));
    if (in_rank(c, i) != 1 || in_rank(c, 0) < 2 || in_dim(c, i, 0) == groups) return NARU_OK;
    return util_same_dim(c, in_dim(c, i, 0), in_dim(c, 0, 1), "a per-channel operand's length");
}

static naru_status infer(infer_ctx *c) {
    int r = in_rank(c, 0);
    int64_t groups = node_i(c->node, NUM_GROUPS);
    if (r >= 0 && r < 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", r);
    if (groups < 1) return op_fail(c, NARU_BAD_MODEL, "attribute 'num_groups' is %lld", (long long)groups);
    if (r >= 2 && dim_is_const(in_dim(c, 0, 1)) && in_dim(c, 0, 1) % groups)
        return op_fail(c, NARU_SHAPE, "%lld channels do not divide into %lld groups", (long long)in_dim(c, 0, 1),
                       (long long)groups);
    TRY(check_operand(c, 1, groups));
    TRY(check_operand(c, 2, groups));
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    return norm_groups_eval(c, node_i(c->node, NUM_GROUPS), node_f(c->node, EPSILON));
}

/* A per-channel operand from one that may have one element per group. */
static value *per_channel(lower_ctx *c, const value *x, value *v, int64_t groups) {
    dim_t have = lw_dim(v, 0), channels = lw_dim(x, 1);
    if (have != groups || channels == groups) return v;
    value *per = LW(c, "Div", lw_size(c, (value *)x, 1), LW_INTS(c, groups));
    lw_i(c, "axis", 0);
    value *dims = LW(c, "Concat", LW_INTS(c, groups), per);
    v = LW(c, "Expand", LW(c, "Unsqueeze", v, LW_INTS(c, 1)), dims);
    return LW(c, "Reshape", v, LW_INTS(c, -1));
}

/* One element per group, the form of 18, is gone since 21. */
static naru_status newest(lower_ctx *c, node *n) {
    int64_t groups = node_i(n, NUM_GROUPS);
    for (int i = 1; i <= 2; i++) {
        value *v = per_channel(c, n->in[0], n->in[i], groups);
        if (!v) return c->status;
        n->in[i] = v;
    }
    return NARU_OK;
}

static value *vector(lower_ctx *c, naru_dtype d, int64_t count, double v) {
    return LW(c, "Expand", lw_number(c, d, v), LW_INTS(c, count));
}

/* [N, C, D...] as [N, groups, rest], normalised by InstanceNormalization; GroupNormalization-18 is deprecated. */
static naru_status down21(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *scale = lw_in(n, 1), *bias = lw_in(n, 2);
    naru_dtype d = lw_dtype(x), wide = norm_type(d);
    int64_t groups = node_i(n, NUM_GROUPS);
    int rank = lw_rank(x);
    if (rank < 0) return lw_refuse(c, "the rank is not known");
    value *y = LW(c, "Reshape", lw_cast(c, x, wide), LW_INTS(c, 0, groups, -1));
    value *ones = vector(c, wide, groups, 1), *zeros = vector(c, wide, groups, 0);
    lw_attr(c, n, EPSILON);
    y = LW(c, "InstanceNormalization", y, ones, zeros);
    y = LW(c, "Reshape", y, LW(c, "Shape", x));
    if (rank > 2) {
        value *axes = LW(c, "Add", lw_axes(c, x, 2), lw_int(c, -1));
        scale = LW(c, "Unsqueeze", scale, axes);
        bias = LW(c, "Unsqueeze", bias, axes);
    }
    y = LW(c, "Add", LW(c, "Mul", y, lw_cast(c, scale, wide)), lw_cast(c, bias, wide));
    return lw_replace(c, n, lw_cast(c, y, d));
}

const op_desc op_GroupNormalization = {
    .name = "GroupNormalization",
    .versions = (const short[]){18, 21, 0},
    .sig = "X:T, scale:T, bias:T -> Y:T | T = float",
    .since = "stash_type 21",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{DOWN_ALWAYS, newest}, {21, down21}, {0}},
};
