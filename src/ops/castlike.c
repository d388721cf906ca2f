/* SPDX-License-Identifier: MIT
 *
 * CastLike: y = x in the element type of target_type, as Cast. [ONNX CastLike-25]
 *
 * Versions: 15, 19, 21, 23, 24, 25.
 */
#include "ops/util_cast.h"

enum { SATURATE, ROUND };

static naru_status infer(infer_ctx *c) {
    infer_cast(c, in_dtype(c, 1));
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    return y ? cast_tensor(c, eval_in(c, 0), y, node_i(c->node, SATURATE), node_s(c->node, ROUND)) : NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("saturate", 1), ATTR_S("round_mode", "up"), {0}};

const op_desc op_CastLike = {
    .name = "CastLike",
    .versions = (const short[]){15, 19, 21, 23, 24, 25, 0},
    .sig = "input:T1, target_type:T2 -> output:T2 | T1 = all; T2 = all",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
