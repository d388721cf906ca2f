/* SPDX-License-Identifier: MIT
 *
 * Cosh: y = cosh(x), elementwise. [ONNX Cosh-22]
 *
 * Types: floats. Versions: 9, 22. Edge cases: Overflows to infinity.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return cosh(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Cosh = {
    .name = "Cosh",
    .versions = (const short[]){9, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
