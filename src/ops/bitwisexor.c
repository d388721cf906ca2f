/* SPDX-License-Identifier: MIT
 *
 * BitwiseXor: C = a ^ b, bit by bit, with broadcasting. [ONNX BitwiseXor-18]
 *
 * Types: integers. Versions: 18.
 */
#include "ops/op.h"

static double f(double a, double b, const node *n) { return (double)((int64_t)a ^ (int64_t)b); }
static int64_t fi(int64_t a, int64_t b, const node *n) { return a ^ b; }

static naru_status eval(eval_ctx *c) { return eval_binary(c, f, fi); }

const op_desc op_BitwiseXor = {
    .name = "BitwiseXor",
    .versions = (const short[]){18, 0},
    .sig = "A:T, B:T -> C:T | T = int",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer_elementwise,
    .eval = eval,
};
