/* SPDX-License-Identifier: MIT
 *
 * BitwiseNot: y = ~x. [ONNX BitwiseNot-18]
 *
 * Types: integers. Versions: 18.
 */
#include "ops/op.h"
#include "ops/util_lower.h"

static double f(double x, const node *n) { return (double)~(int64_t)x; }
static int64_t fi(int64_t x, const node *n) { return ~x; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

static naru_status down18(lower_ctx *c, node *n) { /* -1 - x, where -1 is all ones in unsigned types too */
    value *x = lw_in(n, 0);
    return lw_replace(c, n, LW(c, "Sub", lw_number(c, lw_dtype(x), -1), x));
}

const op_desc op_BitwiseNot = {
    .name = "BitwiseNot",
    .versions = (const short[]){18, 0},
    .sig = "X:T -> Y:T | T = int",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
