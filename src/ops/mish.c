/* SPDX-License-Identifier: MIT
 *
 * Mish: y = x * tanh(ln(1 + e^x)), elementwise. [ONNX Mish-22]
 *
 * Types: floats. Versions: 18, 22. Edge cases: Large x gives x; large negative x gives -0.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

static double f(double x, const node *n) { return x * tanh(x > 40 ? x : log1p(exp(x))); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static naru_status down18(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    return lw_replace(c, n, LW(c, "Mul", x, LW(c, "Tanh", LW(c, "Softplus", x))));
}

const op_desc op_Mish = {
    .name = "Mish",
    .versions = (const short[]){18, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
