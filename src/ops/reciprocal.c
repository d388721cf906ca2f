/* SPDX-License-Identifier: MIT
 *
 * Reciprocal: y = 1 / x, elementwise. [ONNX Reciprocal-13]
 *
 * Types: floats. Versions: 1, 6, 13. Edge cases: 0 gives infinity with its sign.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return 1 / x; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Reciprocal = {
    .name = "Reciprocal",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
