/* SPDX-License-Identifier: MIT
 *
 * InstanceNormalization: Y = scale (X - mean) / sqrt(variance + epsilon) + B, mean and population variance over each
 * spatial plane X[n,c,...]. [ONNX InstanceNormalization-22]
 *
 * Shapes: input [N, C, D...], scale [C], B [C] -> output like input. Types: floats. Versions: 1, 6, 22 (bfloat16).
 */
#include "ops/util_norm.h"

enum { EPSILON };
static const attr_def attrs[] = {ATTR_F("epsilon", 1e-5f), {0}};

static naru_status infer(infer_ctx *c) {
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) < 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", in_rank(c, 0));
    TRY(norm_check_channels(c, 2));
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) { return norm_groups_eval(c, eval_in(c, 0)->dims[1], node_f(c->node, EPSILON)); }

/* Opset 1 named inputs that may be overwritten: a hint without meaning. */
static naru_status up6(lift_ctx *c, node *n) {
    attr *a = node_attr(n, "consumed_inputs");
    if (a) a->kind = ATTR_NONE;
    return NARU_OK;
}

const op_desc op_InstanceNormalization = {
    .name = "InstanceNormalization",
    .versions = (const short[]){1, 6, 22, 0},
    .sig = "input:T, scale:T, B:T -> output:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{6, up6}, {0}},
};
