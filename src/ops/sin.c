/* SPDX-License-Identifier: MIT
 *
 * Sin: y = sin(x), elementwise. [ONNX Sin-22]
 *
 * Types: floats. Versions: 7, 22. Edge cases: Infinities give NaN.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return sin(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Sin = {
    .name = "Sin",
    .versions = (const short[]){7, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
