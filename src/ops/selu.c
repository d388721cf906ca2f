/* SPDX-License-Identifier: MIT
 *
 * Selu: y = gamma * (x for x > 0, else alpha * (e^x - 1)). [ONNX Selu-22]
 *
 * Elementwise. Types: floats. Versions: 1, 6, 22. Defaults: alpha = 1.67326, gamma = 1.0507. NaN stays NaN unless a
 * comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA, GAMMA };

static double f(double x, const node *n) {
    return (double)node_f(n, GAMMA) * (x > 0 ? x : (double)node_f(n, ALPHA) * expm1(x));
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.6732631921768188f), ATTR_F("gamma", 1.0507010221481323f), {0}};

const op_desc op_Selu = {
    .name = "Selu",
    .versions = (const short[]){1, 6, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
