/* SPDX-License-Identifier: MIT
 *
 * BitCast: the same bytes read as type `to`, which has the same size. [ONNX BitCast-26]
 *
 * Types: any of fixed size. Versions: 26. Edge cases: to bool, any byte but 0 becomes 1, the only values a bool may
 * have.
 */
#include "ops/op.h"

enum { TO };

static naru_status infer(infer_ctx *c) {
    naru_dtype to = (naru_dtype)node_i(c->node, TO);
    if (to <= 0 || to >= NARU_DTYPES || !naru_dtype_bits(to))
        return op_fail(c, NARU_TYPE, "to = %d is no element type of fixed size", (int)to);
    if (in_dtype(c, 0) && naru_dtype_bits(in_dtype(c, 0)) != naru_dtype_bits(to))
        return op_fail(c, NARU_TYPE, "%s and %s differ in size", naru_dtype_name(in_dtype(c, 0)), naru_dtype_name(to));
    out_like(c, 0, 0);
    c->out[0].type.dtype = to;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    size_t n = tensor_bytes(y);
    memcpy(y->data, eval_in(c, 0)->data, n);
    for (size_t i = 0; y->dtype == NARU_BOOL && i < n; i++) ((uint8_t *)y->data)[i] = ((uint8_t *)y->data)[i] != 0;
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_REQ("to", ATTR_INT), {0}};

const op_desc op_BitCast = {
    .name = "BitCast",
    .versions = (const short[]){26, 0},
    .sig = "input:T1 -> output:T2 | T1 = all; T2 = all",
    .since = "T1 never float6 string; T2 never float6 string",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
