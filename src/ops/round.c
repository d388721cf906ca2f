/* SPDX-License-Identifier: MIT
 *
 * Round: y = nearest integer, halves to even, elementwise. [ONNX Round-22]
 *
 * Types: floats. Versions: 11, 22. Edge cases: NaN and infinities stay. The rounding mode is the default, which the
 * library keeps.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return nearbyint(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Round = {
    .name = "Round",
    .versions = (const short[]){11, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
