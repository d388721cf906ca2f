/* SPDX-License-Identifier: MIT
 *
 * Atanh: y = artanh(x), elementwise. [ONNX Atanh-22]
 *
 * Types: floats. Versions: 9, 22. Edge cases: +-1 give infinities, beyond NaN.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return atanh(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Atanh = {
    .name = "Atanh",
    .versions = (const short[]){9, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
