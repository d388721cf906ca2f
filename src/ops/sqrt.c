/* SPDX-License-Identifier: MIT
 *
 * Sqrt: y = square root of x, elementwise. [ONNX Sqrt-13]
 *
 * Types: floats. Versions: 1, 6, 13. Edge cases: Negative gives NaN; -0 stays.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return sqrt(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Sqrt = {
    .name = "Sqrt",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
