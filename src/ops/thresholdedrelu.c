/* SPDX-License-Identifier: MIT
 *
 * ThresholdedRelu: y = x for x > alpha, else 0. [ONNX ThresholdedRelu-22]
 *
 * Elementwise. Types: floats. Versions: 10, 22. Defaults: alpha = 1. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA };

static double f(double x, const node *n) { return x > (double)node_f(n, ALPHA) ? x : 0; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

const op_desc op_ThresholdedRelu = {
    .name = "ThresholdedRelu",
    .versions = (const short[]){10, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
