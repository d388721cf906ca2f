/* SPDX-License-Identifier: MIT
 *
 * OptionalHasElement: whether an optional has content; true for a tensor or sequence, false for an omitted input (18).
 * [ONNX OptionalHasElement-28]
 *
 * Versions: 15, 18, 28.
 */
#include "ops/op.h"
#include "ops/util_lower.h"

static naru_status infer(infer_ctx *c) {
    out_tensor(c, 0, NARU_BOOL, 0, NULL);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_value *v = c->nin ? c->in[0] : NULL;
    if (eval_out(c, 0)) *(bool *)eval_out(c, 0)->data = v && (v->kind != NARU_KIND_OPTIONAL || v->count > 0);
    return NARU_OK;
}

/* The answer is known for what is no optional. */
static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    type_kind kind = x ? x->fact.type.kind : TYPE_UNKNOWN;
    if (x && kind != TYPE_TENSOR && kind != TYPE_SEQUENCE) return NARU_OK;
    return lw_replace(c, n, lw_number(c, NARU_BOOL, x != NULL));
}

const op_desc op_OptionalHasElement = {
    .name = "OptionalHasElement",
    .versions = (const short[]){15, 18, 28, 0},
    .sig = "input:V? -> output:bool | V = all seq opt",
    .since = "V 28 bfloat16 small",
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
