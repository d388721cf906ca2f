/* SPDX-License-Identifier: MIT
 *
 * SequenceInsert: the sequence with a tensor inserted at `position` (default: at the end). [ONNX SequenceInsert-11]
 *
 * Negative positions count from the end; [-n, n]. Versions: 11.
 */
#include "ops/util_sequence.h"

static naru_status infer(infer_ctx *c) {
    const type *elem = c->in[0] ? c->in[0]->type.elem : NULL;
    out_sequence(c, 0, sequence_element(c, elem, c->in[1] ? &c->in[1]->type : NULL));
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    int64_t n = (int64_t)c->in[0]->count, at = n;
    if (c->nin > 2 && c->in[2]) TRY(sequence_position(c, eval_in(c, 2), n, n, &at));
    naru_value *s;
    TRY(value_new_sequence(c->in[0]->elem, &s, c->err));
    naru_status st = NARU_OK;
    for (int64_t i = 0; st == NARU_OK && i <= n; i++)
        st = value_push(s, i == at ? c->in[1] : c->in[0]->items[i - (i > at)], c->err);
    if (st == NARU_OK) st = eval_set(c, 0, s);
    value_unref(s);
    return st;
}

const op_desc op_SequenceInsert = {
    .name = "SequenceInsert",
    .versions = (const short[]){11, 0},
    .sig = "input_sequence:seq, tensor:all, position:I? -> output_sequence:seq | I = int32 int64",
    .since = "tensor never small bfloat16",
    .infer = infer,
    .eval = eval,
};
