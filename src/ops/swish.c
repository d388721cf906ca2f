/* SPDX-License-Identifier: MIT
 *
 * Swish: y = x * sigmoid(alpha * x). [ONNX Swish-24]
 *
 * Elementwise. Types: floats. Versions: 24. Defaults: alpha = 1. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

enum { ALPHA };

static double f(double x, const node *n) { return x / (1 + exp(-(double)node_f(n, ALPHA) * x)); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

static naru_status down24(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *scaled = x;
    if (node_f(n, ALPHA) != 1) scaled = LW(c, "Mul", x, lw_number(c, lw_dtype(x), node_f(n, ALPHA)));
    return lw_replace(c, n, LW(c, "Mul", x, LW(c, "Sigmoid", scaled)));
}

const op_desc op_Swish = {
    .name = "Swish",
    .versions = (const short[]){24, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{24, down24}, {0}},
};
