/* SPDX-License-Identifier: MIT
 *
 * SwiGLU: y = A * sigmoid(alpha * A) * B, elementwise over equal dims. [ONNX SwiGLU-28]
 *
 * Types: floats. Versions: 28.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

enum { ALPHA };

static double f(double a, double b, const node *n) { return a / (1 + exp(-(double)node_f(n, ALPHA) * a)) * b; }
static naru_status eval(eval_ctx *c) { return eval_binary(c, f, NULL); }

static const attr_def attrs[] = {ATTR_F("alpha", 1.0f), {0}};

static naru_status down28(lower_ctx *c, node *n) {
    lw_attr(c, n, ALPHA);
    return lw_replace(c, n, LW(c, "Mul", LW(c, "Swish", lw_in(n, 0)), lw_in(n, 1)));
}

const op_desc op_SwiGLU = {
    .name = "SwiGLU",
    .versions = (const short[]){28, 0},
    .sig = "A:T, B:T -> Y:T | T = float",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_elementwise,
    .eval = eval,
    .down = (const down_adapter[]){{28, down28}, {0}},
};
