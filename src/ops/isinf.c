/* SPDX-License-Identifier: MIT
 *
 * IsInf: y = (x is infinite), bool; detect_positive and detect_negative choose the signs. [ONNX IsInf-20]
 *
 * Types: floats, float8. Versions: 10, 20.
 */
#include <math.h>

#include "ops/op.h"

enum { NEGATIVE, POSITIVE };

static double f(double x, const node *n) { return isinf(x) && node_i(n, x > 0 ? POSITIVE : NEGATIVE); }

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    c->out[0].type.dtype = NARU_BOOL;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_I("detect_negative", 1), ATTR_I("detect_positive", 1), {0}};

const op_desc op_IsInf = {
    .name = "IsInf",
    .versions = (const short[]){10, 20, 0},
    .sig = "X:T -> Y:bool | T = float float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz",
    .since = "T 20 float8 float16 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
};
