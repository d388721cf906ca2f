/* SPDX-License-Identifier: MIT
 *
 * CumProd: y[i] = product of x[j], j <= i along the axis; exclusive: j < i; reverse: from the end. [ONNX CumProd-26]
 *
 * Types: numbers. Versions: 26. axis is a scalar input.
 */
#include "ops/util_cumulate.h"

static double f(double a, double b) { return a * b; }
static int64_t fi(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
static naru_status eval(eval_ctx *c) { return eval_cumulate(c, f, fi, 1); }

const op_desc op_CumProd = {
    .name = "CumProd",
    .versions = (const short[]){26, 0},
    .sig = "x:T, axis:I -> y:T | T = num; I = int32 int64",
    .since = "T never uint8 int8 uint16 int16",
    .attrs = cumulate_attrs,
    .infer = infer_same_as_first,
    .eval = eval,
};
