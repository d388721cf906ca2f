/* SPDX-License-Identifier: MIT
 *
 * Elu: y = x for x > 0, else alpha * (e^x - 1). [ONNX Elu-22]
 *
 * Elementwise. Types: floats. Versions: 1, 6, 22. Defaults: alpha = 1. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA };

static double f(double x, const node *n) { return x > 0 ? x : (double)node_f(n, ALPHA) * expm1(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

const op_desc op_Elu = {
    .name = "Elu",
    .versions = (const short[]){1, 6, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
