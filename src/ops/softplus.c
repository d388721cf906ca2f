/* SPDX-License-Identifier: MIT
 *
 * Softplus: y = ln(1 + e^x), elementwise. [ONNX Softplus-22]
 *
 * Types: floats. Versions: 1, 22. Edge cases: Large x gives x.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return x > 40 ? x : log1p(exp(x)); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Softplus = {
    .name = "Softplus",
    .versions = (const short[]){1, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
