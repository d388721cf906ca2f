/* SPDX-License-Identifier: MIT
 *
 * Sinh: y = sinh(x), elementwise. [ONNX Sinh-22]
 *
 * Types: floats. Versions: 9, 22. Edge cases: Overflows to infinity.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return sinh(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Sinh = {
    .name = "Sinh",
    .versions = (const short[]){9, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
