/* SPDX-License-Identifier: MIT
 *
 * SequenceEmpty: a sequence without elements, of element type dtype (float). [ONNX SequenceEmpty-11]
 *
 * Versions: 11.
 */
#include "ops/util_sequence.h"

enum { DTYPE };

static naru_status infer(infer_ctx *c) {
    type *elem = arena_alloc(c->arena, sizeof *elem);
    if (elem) *elem = (type){.kind = TYPE_TENSOR, .dtype = (naru_dtype)node_i(c->node, DTYPE)};
    out_sequence(c, 0, elem);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_value *s;
    TRY(value_new_sequence((naru_dtype)node_i(c->node, DTYPE), &s, c->err));
    naru_status st = eval_set(c, 0, s);
    value_unref(s);
    return st;
}

static const attr_def attrs[] = {ATTR_I("dtype", 1), {0}};

const op_desc op_SequenceEmpty = {
    .name = "SequenceEmpty",
    .versions = (const short[]){11, 0},
    .sig = " -> output:seq",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
