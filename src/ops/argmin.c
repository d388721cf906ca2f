/* SPDX-License-Identifier: MIT
 *
 * ArgMin: index of the minimum along the axis, int64. [ONNX ArgMin-13]
 *
 * The first of equals, or the last with select_last_index = 1. keepdims keeps the axis as 1. A NaN beats
 * every number. Versions: 1, 11, 12, 13.
 */
#include "ops/util_reduce.h"

static bool better(double a, double b) { return a != a ? b == b : a < b; }

static naru_status eval(eval_ctx *c) { return eval_arg(c, better); }

const op_desc op_ArgMin = {
    .name = "ArgMin",
    .versions = (const short[]){1, 11, 12, 13, 0},
    .sig = "data:T -> reduced:int64 | T = num",
    .attrs = arg_attrs,
    .infer = infer_arg,
    .eval = eval,
};
