/* SPDX-License-Identifier: MIT
 *
 * EyeLike: a matrix of the input's dims with ones on diagonal k, zeros elsewhere. [ONNX EyeLike-22]
 *
 * Type: dtype, else the input's. Versions: 9, 22.
 */
#include "ops/util_choice.h"

enum { DTYPE, K };

static naru_status infer(infer_ctx *c) {
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) != 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2", in_rank(c, 0));
    out_like(c, 0, 0);
    if (node_has(c->node, DTYPE)) TRY(util_number_type(c, node_i(c->node, DTYPE), true, "dtype"));
    if (node_has(c->node, DTYPE)) c->out[0].type.dtype = (naru_dtype)node_i(c->node, DTYPE);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < y->dims[0]; i++) {
        int64_t j;
        if (!__builtin_add_overflow(i, node_i(c->node, K), &j) && j >= 0 && j < y->dims[1])
            dtype_set_f64(y->dtype, y->data, i * y->dims[1] + j, 1);
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("dtype", ATTR_INT), ATTR_I("k", 0), {0}};

const op_desc op_EyeLike = {
    .name = "EyeLike",
    .versions = (const short[]){9, 22, 0},
    .sig = "input:T1 -> output:T2 | T1 = num bool; T2 = num bool",
    .since = "T1 22 bfloat16; T2 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
