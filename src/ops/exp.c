/* SPDX-License-Identifier: MIT
 *
 * Exp: y = e^x, elementwise. [ONNX Exp-13]
 *
 * Types: floats. Versions: 1, 6, 13. Edge cases: Overflows to infinity, -inf gives 0.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return exp(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Exp = {
    .name = "Exp",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
