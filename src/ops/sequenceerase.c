/* SPDX-License-Identifier: MIT
 *
 * SequenceErase: the sequence without the element at `position` (default: the last). [ONNX SequenceErase-11]
 *
 * Negative positions count from the end; [-n, n-1]. Versions: 11.
 */
#include "ops/util_sequence.h"

static naru_status infer(infer_ctx *c) {
    c->out[0].type = (type){.kind = TYPE_SEQUENCE};
    if (c->in[0]) c->out[0].type = c->in[0]->type;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    int64_t n = (int64_t)c->in[0]->count, at = n - 1;
    if (c->nin > 1 && c->in[1]) TRY(sequence_position(c, eval_in(c, 1), n, n - 1, &at));
    naru_value *s;
    TRY(value_new_sequence(c->in[0]->elem, &s, c->err));
    naru_status st = NARU_OK;
    for (int64_t i = 0; st == NARU_OK && i < n; i++)
        if (i != at) st = value_push(s, c->in[0]->items[i], c->err);
    if (st == NARU_OK) st = eval_set(c, 0, s);
    value_unref(s);
    return st;
}

const op_desc op_SequenceErase = {
    .name = "SequenceErase",
    .versions = (const short[]){11, 0},
    .sig = "input_sequence:seq, position:I? -> output_sequence:seq | I = int32 int64",
    .infer = infer,
    .eval = eval,
};
