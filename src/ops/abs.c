/* SPDX-License-Identifier: MIT
 *
 * Abs: y = |x|, elementwise. [ONNX Abs-13]
 *
 * Types: numbers. Versions: 1, 6, 13. Edge cases: NaN stays NaN; -0 gives 0; the smallest signed integer wraps to
 * itself.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return fabs(x); }
static int64_t fi(int64_t x, const node *n) { return (int64_t)(x < 0 ? 0 - (uint64_t)x : (uint64_t)x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

const op_desc op_Abs = {
    .name = "Abs",
    .versions = (const short[]){1, 6, 13, 0},
    .sig = "X:T -> Y:T | T = num",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
