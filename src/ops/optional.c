/* SPDX-License-Identifier: MIT
 *
 * Optional: an optional holding the input, or an empty one. [ONNX Optional-28]
 *
 * Versions: 15, 28.
 */
#include "ops/op.h"

static naru_status infer(infer_ctx *c) {
    c->out[0].type = (type){.kind = TYPE_OPTIONAL, .elem = in_given(c, 0) ? &c->in[0]->type : NULL};
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_value *o;
    TRY(naru_value_optional(c->nin && c->in[0] ? c->in[0] : NULL, &o, c->err));
    naru_status st = eval_set(c, 0, o);
    value_unref(o);
    return st;
}

static const attr_def attrs[] = {ATTR_OPT("type", ATTR_TYPE), {0}};

const op_desc op_Optional = {
    .name = "Optional",
    .versions = (const short[]){15, 28, 0},
    .sig = "input:V? -> output:opt | V = all seq",
    .since = "V 28 bfloat16 small",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
