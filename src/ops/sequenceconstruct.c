/* SPDX-License-Identifier: MIT
 *
 * SequenceConstruct: the inputs as a sequence. [ONNX SequenceConstruct-11]
 *
 * Versions: 11.
 */
#include "ops/util_sequence.h"

static naru_status infer(infer_ctx *c) {
    const type *elem = c->in[0] ? &c->in[0]->type : NULL;
    for (int i = 1; i < c->nin; i++) elem = sequence_element(c, elem, c->in[i] ? &c->in[i]->type : NULL);
    out_sequence(c, 0, elem);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_value *s;
    TRY(value_new_sequence(eval_in(c, 0) ? eval_in(c, 0)->dtype : NARU_UNDEFINED, &s, c->err));
    naru_status st = NARU_OK;
    for (int i = 0; st == NARU_OK && i < c->nin; i++) st = value_push(s, c->in[i], c->err);
    if (st == NARU_OK) st = eval_set(c, 0, s);
    value_unref(s);
    return st;
}

const op_desc op_SequenceConstruct = {
    .name = "SequenceConstruct",
    .versions = (const short[]){11, 0},
    .sig = "inputs:T... -> output_sequence:seq | T = all",
    .since = "T never small bfloat16",
    .infer = infer,
    .eval = eval,
};
