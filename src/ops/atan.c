/* SPDX-License-Identifier: MIT
 *
 * Atan: y = arctan(x), elementwise. [ONNX Atan-22]
 *
 * Types: floats. Versions: 7, 22. Edge cases: Infinities give +-pi/2.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return atan(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Atan = {
    .name = "Atan",
    .versions = (const short[]){7, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
