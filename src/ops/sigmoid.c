/* SPDX-License-Identifier: MIT
 *
 * Sigmoid: y = 1 / (1 + e^-x), elementwise. [ONNX Sigmoid-13]
 *
 * Types: floats. Versions: 1, 6, 13. Edge cases: No overflow on either side; NaN stays NaN.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Sigmoid = {
    .name = "Sigmoid",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
