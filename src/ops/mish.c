/* SPDX-License-Identifier: MIT
 *
 * Mish: y = x * tanh(ln(1 + e^x)), elementwise. [ONNX Mish-22]
 *
 * Types: floats. Versions: 18, 22. Edge cases: Large x gives x; large negative x gives -0.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return x * tanh(x > 40 ? x : log1p(exp(x))); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Mish = {
    .name = "Mish",
    .versions = (const short[]){18, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
