/* SPDX-License-Identifier: MIT
 *
 * SequenceAt: the element at `position`; negative counts from the end. [ONNX SequenceAt-11]
 *
 * Versions: 11.
 */
#include "ops/util_sequence.h"

static naru_status infer(infer_ctx *c) {
    if (c->in[0] && c->in[0]->type.elem) c->out[0].type = *c->in[0]->type.elem;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    int64_t at, n = (int64_t)c->in[0]->count;
    TRY(sequence_position(c, eval_in(c, 1), n, n - 1, &at));
    return eval_set(c, 0, c->in[0]->items[at]);
}

const op_desc op_SequenceAt = {
    .name = "SequenceAt",
    .versions = (const short[]){11, 0},
    .sig = "input_sequence:seq, position:I -> tensor:all | I = int32 int64",
    .since = "tensor never small bfloat16",
    .infer = infer,
    .eval = eval,
};
