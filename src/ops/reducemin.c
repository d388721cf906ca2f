/* SPDX-License-Identifier: MIT
 *
 * ReduceMin: y = minimum of x over the axes. [ONNX ReduceMin-20]
 *
 * No axes: all of them, or, with noop_with_empty_axes = 1, none (then the function is applied to each element alone).
 * keepdims keeps reduced dims as 1. Reducing nothing gives the neutral element. Versions: 1, 11, 12, 13, 18, 20 (18:
 * axes become an input).
 */
#include <math.h>

#include "ops/util_reduce.h"
#include "ops/util_lower.h"

static double finish(const double *v, int64_t n) {
    double acc = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double x = v[i];
        acc = x != x || acc != acc ? NAN : x < acc ? x : acc;
    }
    return acc;
}
static int64_t finish_int(const int64_t *v, int64_t n) {
    int64_t acc = INT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        int64_t x = v[i];
        acc = x < acc ? x : acc;
    }
    return acc;
}

static naru_status eval(eval_ctx *c) { return eval_reduce(c, finish, finish_int); }

static naru_status down18(lower_ctx *c, node *n) { return reduce_down18(c, n, "Identity"); }

const op_desc op_ReduceMin = {
    .name = "ReduceMin",
    .versions = (const short[]){1, 11, 12, 13, 18, 20, 0},
    .sig = "data:T, axes:int64? -> reduced:T | T = num bool",
    .since = "T 20 bool; T never uint16 int16; noop_with_empty_axes 18; axes 18",
    .attrs = reduce_attrs,
    .infer = infer_reduce,
    .eval = eval,
    .adapters = reduce_adapters_18,
    .down = (const down_adapter[]){{20, reduce_down20}, {18, down18}, {0}},
};
