/* SPDX-License-Identifier: MIT
 *
 * Shrink: y = x + bias for x < -lambd, x - bias for x > lambd, else 0. [ONNX Shrink-9]
 *
 * Elementwise. Types: numbers. Versions: 9. Defaults: bias = 0, lambd = 0.5. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"

enum { BIAS, LAMBD };

static double f(double x, const node *n) {
    return x < -(double)node_f(n, LAMBD)  ? x + (double)node_f(n, BIAS)
           : x > (double)node_f(n, LAMBD) ? x - (double)node_f(n, BIAS)
                                          : 0;
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("bias", 0.0f), ATTR_F("lambd", 0.5f), {0}};

const op_desc op_Shrink = {
    .name = "Shrink",
    .versions = (const short[]){9, 0},
    .sig = "X:T -> Y:T | T = num",
    .since = "T never bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
