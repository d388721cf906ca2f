/* SPDX-License-Identifier: MIT
 *
 * Tanh: y = tanh(x), elementwise. [ONNX Tanh-13]
 *
 * Types: floats. Versions: 1, 6, 13. Edge cases: Infinities give +-1.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return tanh(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Tanh = {
    .name = "Tanh",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
