/* SPDX-License-Identifier: MIT
 *
 * Relu: y = max(0, x), elementwise. [ONNX Relu-14]
 *
 * Types: floats and signed integers. Versions: 1, 6, 13, 14. Edge cases: NaN stays NaN; -0 gives 0.
 */
#include "ops/op.h"

static double relu(double x, const node *n) { return x != x ? x : x > 0 ? x : 0; }
static int64_t irelu(int64_t x, const node *n) { return x > 0 ? x : 0; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, relu, irelu); }

const op_desc op_Relu = {
    .name = "Relu",
    .versions = (const short[]){1, 6, 13, 14, 0},
    .sig = "X:T -> Y:T | T = float signed",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
