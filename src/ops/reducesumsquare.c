/* SPDX-License-Identifier: MIT
 *
 * ReduceSumSquare: y = sum of x^2 over the axes. [ONNX ReduceSumSquare-18]
 *
 * No axes: all of them, or, with noop_with_empty_axes = 1, none (then the function is applied to each element alone).
 * keepdims keeps reduced dims as 1. Reducing nothing gives the neutral element. Versions: 1, 11, 13, 18 (18: axes
 * become an input).
 */
#include <math.h>

#include "ops/util_reduce.h"
#include "ops/util_lower.h"

static double finish(const double *v, int64_t n) {
    double acc = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = v[i];
        acc = acc + x * x;
    }
    return acc;
}
static int64_t finish_int(const int64_t *v, int64_t n) {
    int64_t acc = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t x = v[i];
        acc = (int64_t)((uint64_t)acc + (uint64_t)x * (uint64_t)x);
    }
    return acc;
}

static naru_status eval(eval_ctx *c) { return eval_reduce(c, finish, finish_int); }

static naru_status down18(lower_ctx *c, node *n) { return reduce_down18(c, n, "Mul"); }

const op_desc op_ReduceSumSquare = {
    .name = "ReduceSumSquare",
    .versions = (const short[]){1, 11, 13, 18, 0},
    .sig = "data:T, axes:int64? -> reduced:T | T = num",
    .since = "T never uint8 int8 uint16 int16; noop_with_empty_axes 18; axes 18",
    .attrs = reduce_attrs,
    .infer = infer_reduce,
    .eval = eval,
    .adapters = reduce_adapters_18,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
