/* SPDX-License-Identifier: MIT
 *
 * Swish: y = x * sigmoid(alpha * x). [ONNX Swish-24]
 *
 * Elementwise. Types: floats. Versions: 24. Defaults: alpha = 1. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA };

static double f(double x, const node *n) { return x / (1 + exp(-(double)node_f(n, ALPHA) * x)); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

const op_desc op_Swish = {
    .name = "Swish",
    .versions = (const short[]){24, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
