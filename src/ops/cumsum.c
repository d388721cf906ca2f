/* SPDX-License-Identifier: MIT
 *
 * CumSum: y[i] = sum of x[j], j <= i along the axis; exclusive: j < i; reverse: from the end. [ONNX CumSum-14]
 *
 * Types: numbers. Versions: 11, 14. axis is a scalar input.
 */
#include "ops/util_cumulate.h"

static double f(double a, double b) { return a + b; }
static int64_t fi(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static naru_status eval(eval_ctx *c) { return eval_cumulate(c, f, fi, 0); }

const op_desc op_CumSum = {
    .name = "CumSum",
    .versions = (const short[]){11, 14, 0},
    .sig = "x:T, axis:I -> y:T | T = num; I = int32 int64",
    .since = "T 14 float16 bfloat16; T never uint8 int8 uint16 int16",
    .attrs = cumulate_attrs,
    .infer = infer_same_as_first,
    .eval = eval,
};
