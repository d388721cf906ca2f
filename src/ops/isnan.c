/* SPDX-License-Identifier: MIT
 *
 * IsNaN: y = (x is not a number), bool. [ONNX IsNaN-20]
 *
 * Types: floats, float8. Versions: 9, 13, 20.
 */
#include "ops/op.h"

static double f(double x, const node *n) { return x != x; }

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    c->out[0].type.dtype = NARU_BOOL;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_IsNaN = {
    .name = "IsNaN",
    .versions = (const short[]){9, 13, 20, 0},
    .sig = "X:T -> Y:bool | T = float float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz",
    .since = "T 20 float8",
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
};
