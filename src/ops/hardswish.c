/* SPDX-License-Identifier: MIT
 *
 * HardSwish: y = x * max(0, min(1, x/6 + 0.5)), elementwise. [ONNX HardSwish-22]
 *
 * Types: floats. Versions: 14, 22. Edge cases: NaN times a clipped value stays NaN.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

static double f(double x, const node *n) { return x * fmax(0, fmin(1, x / 6 + 0.5)); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static naru_status down14(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0);
    lw_f(c, "alpha", 1.0 / 6);
    lw_f(c, "beta", 0.5);
    return lw_replace(c, n, LW(c, "Mul", x, LW(c, "HardSigmoid", x)));
}

const op_desc op_HardSwish = {
    .name = "HardSwish",
    .versions = (const short[]){14, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{14, down14}, {0}},
};
