/* SPDX-License-Identifier: MIT
 *
 * Celu: y = max(0, x) + min(0, alpha * (e^(x/alpha) - 1)). [ONNX Celu-28]
 *
 * Elementwise. Types: floats. Versions: 12, 28. Defaults: alpha = 1. NaN stays NaN unless a comparison decides.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

enum { ALPHA };

static double f(double x, const node *n) {
    if (x != x) return x;
    return fmax(0, x) + fmin(0, (double)node_f(n, ALPHA) * expm1(x / (double)node_f(n, ALPHA)));
}

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

/* Celu-12 took float only; narrower types are computed in that. */
static naru_status down28(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *alpha;
    if (lw_dtype(x) != NARU_DOUBLE) return NARU_OK;
    alpha = lw_number(c, NARU_DOUBLE, node_f(n, ALPHA));
    return lw_replace(c, n, LW(c, "Mul", alpha, LW(c, "Elu", LW(c, "Div", x, alpha))));
}

const op_desc op_Celu = {
    .name = "Celu",
    .versions = (const short[]){12, 28, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 28 float16 double bfloat16",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{28, down28}, {0}},
};
