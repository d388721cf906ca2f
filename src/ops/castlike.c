/* SPDX-License-Identifier: MIT
 *
 * CastLike: y = x in the element type of target_type, as Cast. [ONNX CastLike-25]
 *
 * Versions: 15, 19, 21, 23, 24, 25.
 */
#include "ops/util_cast.h"
#include "ops/util_lower.h"

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

static naru_status down15(lower_ctx *c, node *n) {
    naru_dtype d = lw_dtype(lw_in(n, 1));
    if (!d) return lw_refuse(c, "the type of target_type is not known");
    lw_i(c, "to", d);
    lw_attr(c, n, SATURATE);
    lw_attr(c, n, ROUND);
    return lw_replace(c, n, LW(c, "Cast", lw_in(n, 0)));
}

/* How to round to a type that the opset lacks means nothing. */
static naru_status down24(lower_ctx *c, node *n) {
    n->attrs[ROUND].kind = ATTR_NONE;
    return NARU_OK;
}
static naru_status down19(lower_ctx *c, node *n) {
    n->attrs[SATURATE].kind = ATTR_NONE;
    return NARU_OK;
}

const op_desc op_CastLike = {
    .name = "CastLike",
    .versions = (const short[]){15, 19, 21, 23, 24, 25, 0},
    .sig = "input:T1, target_type:T2 -> output:T2 | T1 = all; T2 = all",
    .since = "T1 never float6 complex64 complex128; T2 never float6 complex64 complex128; round_mode 24; saturate 19",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{24, down24}, {19, down19}, {15, down15}, {0}},
};
