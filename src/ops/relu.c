/* SPDX-License-Identifier: MIT
 *
 * Relu: y = max(0, x), elementwise. [ONNX Relu-14]
 *
 * Types: floats and signed integers. Versions: 1, 6, 13, 14. Edge cases: NaN stays NaN; -0 gives 0.
 */
#include "ops/op.h"
#include "ops/util_lower.h"

static double relu(double x, const node *n) { return x != x ? x : x > 0 ? x : 0; }
static int64_t irelu(int64_t x, const node *n) { return x > 0 ? x : 0; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, relu, irelu); }

static naru_status down14(lower_ctx *c, node *n) { /* integers */
    value *x = lw_in(n, 0);
    if (!dtype_is_int(lw_dtype(x))) return NARU_OK;
    return lw_replace(c, n, LW(c, "Max", x, lw_number(c, lw_dtype(x), 0)));
}

const op_desc op_Relu = {
    .name = "Relu",
    .versions = (const short[]){1, 6, 13, 14, 0},
    .sig = "X:T -> Y:T | T = float signed",
    .since = "T 14 int8 int16 int32 int64",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{14, down14}, {0}},
};
