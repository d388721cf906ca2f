/* SPDX-License-Identifier: MIT
 *
 * HardSigmoid: y = max(0, min(1, alpha * x + beta)). [ONNX HardSigmoid-22]
 *
 * Elementwise. Types: floats. Versions: 1, 6, 22. Defaults: alpha = 0.2, beta = 0.5. NaN stays NaN unless a comparison
 * decides.
 */
#include <math.h>

#include "ops/op.h"

enum { ALPHA, BETA };

static double f(double x, const node *n) {
    return x != x ? x : fmax(0, fmin(1, (double)node_f(n, ALPHA) * x + (double)node_f(n, BETA)));
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 0.2f), ATTR_F("beta", 0.5f), {0}};

const op_desc op_HardSigmoid = {
    .name = "HardSigmoid",
    .versions = (const short[]){1, 6, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
