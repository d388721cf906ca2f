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

const op_desc op_GroupNormalization = {
    .name = "GroupNormalization",
    .versions = (const short[]){18, 21, 0},
    .sig = "X:T, scale:T, bias:T -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
