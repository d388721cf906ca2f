/* SPDX-License-Identifier: MIT
 *
 * ReduceLogSumExp: y = ln(sum of e^x), computed around the maximum over the axes. [ONNX ReduceLogSumExp-28]
 *
 * No axes: all of them, or, with noop_with_empty_axes = 1, none (then the function is applied to each element alone).
 * keepdims keeps reduced dims as 1. Reducing nothing gives the neutral element. Versions: 1, 11, 13, 18, 28 (18: axes
 * become an input).
 */
#include <math.h>

#include "ops/util_reduce.h"
#include "ops/util_lower.h"

static double finish(const double *x, int64_t n) {
    double max = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    if (isinf(max)) max = 0;
    for (int64_t i = 0; i < n; i++) sum += exp(x[i] - max);
    return max + log(sum);
}

static naru_status eval(eval_ctx *c) { return eval_reduce(c, finish, NULL); }

static naru_status down18(lower_ctx *c, node *n) { return reduce_down18(c, n, "Identity"); }

const op_desc op_ReduceLogSumExp = {
    .name = "ReduceLogSumExp",
    .versions = (const short[]){1, 11, 13, 18, 28, 0},
    .sig = "data:T, axes:int64? -> reduced:T | T = float",
    .since = "noop_with_empty_axes 18; axes 18",
    .attrs = reduce_attrs,
    .infer = infer_reduce,
    .eval = eval,
    .adapters = reduce_adapters_18,
    .down = (const down_adapter[]){{18, down18}, {0}},
};
