/* SPDX-License-Identifier: MIT
 *
 * Mean: the elementwise mean of all inputs, broadcast together. [ONNX Mean-13]
 *
 * Types: floats. Versions: 1, 6, 8, 13 (8: broadcasting). NaN in any input gives NaN.
 */
#include <math.h>

#include "ops/util_variadic.h"

static double f(double a, double b) { return a + b; }
static int64_t fi(int64_t a, int64_t b) { return a + b; }

static naru_status eval(eval_ctx *c) { return eval_variadic(c, f, fi, c->nin); }

const op_desc op_Mean = {
    .name = "Mean",
    .versions = (const short[]){1, 6, 8, 13, 0},
    .sig = "data:T... -> result:T | T = float",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer_elementwise,
    .eval = eval,
};
