/* SPDX-License-Identifier: MIT
 *
 * Neg: y = -x, elementwise. [ONNX Neg-13]
 *
 * Types: floats and signed integers. Versions: 1, 6, 13. Edge cases: The smallest integer wraps to itself.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return -x; }
static int64_t fi(int64_t x, const node *n) { return (int64_t)(0 - (uint64_t)x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

const op_desc op_Neg = {
    .name = "Neg",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = float signed",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
