/* SPDX-License-Identifier: MIT
 *
 * LeakyRelu: y = x for x >= 0, else alpha * x. [ONNX LeakyRelu-16]
 *
 * Elementwise. Types: floats. Versions: 1, 6, 16. Defaults: alpha = 0.01. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA };

static double f(double x, const node *n) { return x >= 0 ? x : (double)node_f(n, ALPHA) * x; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 0.01f), {0}};

const op_desc op_LeakyRelu = {
    .name = "LeakyRelu",
    .versions = (const short[]){1, 6, 16, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 16 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
