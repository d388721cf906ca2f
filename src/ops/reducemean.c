/* SPDX-License-Identifier: MIT
 *
 * ReduceMean: y = mean of x over the axes. [ONNX ReduceMean-18]
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
        acc = acc + x;
    }
    return acc / n;
}

static naru_status eval(eval_ctx *c) { return eval_reduce(c, finish, NULL); }

static naru_status down18(lower_ctx *c, node *n) { return reduce_down18(c, n, "Identity"); }

const op_desc op_ReduceMean = {
    .name = "ReduceMean",
    .versions = (const short[]){1, 11, 13, 18, 0},
    .sig = "data:T, axes:int64? -> reduced:T | T = float int32 int64 uint32 uint64",
    .since = "noop_with_empty_axes 18; axes 18",
    .attrs = reduce_attrs,
    .infer = infer_reduce,
    .eval = eval,
    .adapters = reduce_adapters_18,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
