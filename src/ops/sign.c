/* SPDX-License-Identifier: MIT
 *
 * Sign: y = -1, 0 or 1, elementwise. [ONNX Sign-13]
 *
 * Types: numbers. Versions: 9, 13. Edge cases: NaN stays NaN; both zeros give 0.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return x != x ? x : (x > 0) - (x < 0); }
static int64_t fi(int64_t x, const node *n) { return (x > 0) - (x < 0); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

const op_desc op_Sign = {
    .name = "Sign",
    .versions = (const short[]){9, 13, 0},
    .sig = "X:T -> Y:T | T = num",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
