/* SPDX-License-Identifier: MIT
 *
 * Size: the number of elements, an int64 scalar. [ONNX Size-25]
 *
 * Types: any. Versions: 1, 13, 19, 21, 23, 24, 25.
 */
#include "ops/op.h"

static naru_status infer(infer_ctx *c) {
    out_tensor(c, 0, NARU_INT64, 0, NULL);
    if (in_rank(c, 0) < 0) return NARU_OK;
    dim_t n = 1;
    for (int i = 0; i < in_rank(c, 0); i++) n = sym_mul(c->syms, n, in_dim(c, 0, i));
    elem_t e = elem_of_dim(n);
    out_elems(c, 0, &e, 1);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    if (eval_out(c, 0)) *(int64_t *)eval_out(c, 0)->data = tensor_count(eval_in(c, 0));
    return NARU_OK;
}

const op_desc op_Size = {
    .name = "Size",
    .versions = (const short[]){1, 13, 19, 21, 23, 24, 25, 0},
    .sig = "data:all -> size:int64",
    .since = "data never float6",
    .infer = infer,
    .eval = eval,
};
