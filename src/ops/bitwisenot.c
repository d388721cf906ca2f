/* SPDX-License-Identifier: MIT
 *
 * BitwiseNot: y = ~x. [ONNX BitwiseNot-18]
 *
 * Types: integers. Versions: 18.
 */
#include "ops/op.h"

static double f(double x, const node *n) { return (double)~(int64_t)x; }
static int64_t fi(int64_t x, const node *n) { return ~x; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

const op_desc op_BitwiseNot = {
    .name = "BitwiseNot",
    .versions = (const short[]){18, 0},
    .sig = "X:T -> Y:T | T = int",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
