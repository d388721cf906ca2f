/* SPDX-License-Identifier: MIT
 *
 * OptionalGetElement: the content of an optional; a tensor or sequence passes through (18). [ONNX
 * OptionalGetElement-28]
 *
 * An empty optional is an error. Versions: 15, 18, 28.
 */
#include "ops/op.h"
#include "ops/util_lower.h"

static naru_status infer(infer_ctx *c) {
    if (!in_given(c, 0)) return NARU_OK;
    const type *t = &c->in[0]->type;
    if (t->kind != TYPE_OPTIONAL) c->out[0].type = *t;
    else if (t->elem) c->out[0].type = *t->elem;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_value *v = c->nin ? c->in[0] : NULL;
    if (v && v->kind == NARU_KIND_OPTIONAL) v = v->count ? v->items[0] : NULL;
    return v ? eval_set(c, 0, v) : eval_fail(c, NARU_INVALID_ARGUMENT, "the optional is empty");
}

/* What is no optional passes through. */
static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    type_kind kind = x ? x->fact.type.kind : TYPE_UNKNOWN;
    if (kind != TYPE_TENSOR && kind != TYPE_SEQUENCE) return NARU_OK;
    return lw_replace(c, n, LW(c, "Identity", x));
}

const op_desc op_OptionalGetElement = {
    .name = "OptionalGetElement",
    .versions = (const short[]){15, 18, 28, 0},
    .sig = "input:V -> output:W | V = all seq opt; W = all seq",
    .since = "V 28 bfloat16 small; W 28 bfloat16 small",
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
