/* SPDX-License-Identifier: MIT
 *
 * Gelu: y = x/2 (1 + erf(x / sqrt 2)), or with approximate = "tanh": x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
 * [ONNX Gelu-20]
 *
 * Elementwise. Types: floats. Versions: 20.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

enum { APPROXIMATE };

static double exact(double x, const node *n) { return 0.5 * x * (1 + erf(x * 0.70710678118654752440)); }
static double by_tanh(double x, const node *n) {
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static naru_status eval(eval_ctx *c) {
    return eval_unary(c, strcmp(node_s(c->node, APPROXIMATE), "tanh") == 0 ? by_tanh : exact, NULL);
}

static const attr_def attrs[] = {ATTR_S("approximate", "none"), {0}};

/* Erf or Tanh, in the form that optimizers know. */
static naru_status down20(lower_ctx *c, node *n) {
    value *x = lw_in(n, 0), *y;
    naru_dtype d = lw_dtype(x);
    if (lw_text_is(n, APPROXIMATE, "tanh")) {
        value *cube = LW(c, "Mul", LW(c, "Mul", x, x), x);
        value *inner = LW(c, "Add", x, LW(c, "Mul", cube, lw_number(c, d, 0.044715)));
        y = LW(c, "Tanh", LW(c, "Mul", inner, lw_number(c, d, 0.79788456080286535588)));
    } else {
        y = LW(c, "Erf", LW(c, "Div", x, lw_number(c, d, 1.41421356237309504880)));
    }
    y = LW(c, "Mul", x, LW(c, "Add", y, lw_number(c, d, 1)));
    return lw_replace(c, n, LW(c, "Mul", y, lw_number(c, d, 0.5)));
}

const op_desc op_Gelu = {
    .name = "Gelu",
    .versions = (const short[]){20, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
    .down = (const down_adapter[]){{20, down20}, {0}},
};
