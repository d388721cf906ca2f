/* SPDX-License-Identifier: MIT
 *
 * SequenceLength: the number of elements, an int64 scalar. [ONNX SequenceLength-11]
 *
 * Versions: 11.
 */
#include "ops/op.h"

static naru_status infer(infer_ctx *c) {
    out_tensor(c, 0, NARU_INT64, 0, NULL);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    if (eval_out(c, 0)) *(int64_t *)eval_out(c, 0)->data = (int64_t)c->in[0]->count;
    return NARU_OK;
}

const op_desc op_SequenceLength = {
    .name = "SequenceLength",
    .versions = (const short[]){11, 0},
    .sig = "input_sequence:seq -> length:int64",
    .infer = infer,
    .eval = eval,
};
