/* SPDX-License-Identifier: MIT
 *
 * Erf: y = erf(x) = 2/sqrt(pi) integral of exp(-t^2) from 0 to x, elementwise. [ONNX Erf-13]
 *
 * Types: numbers. Versions: 9, 13. Edge cases: Infinities give +-1.
 */
#include <math.h>

#include "ops/op.h"

static double f(double x, const node *n) { return erf(x); }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, NULL); }

const op_desc op_Erf = {
    .name = "Erf",
    .versions = (const short[]){9, 13, 0},
    .sig = "X:T -> Y:T | T = num",
    .since = "T never uint8 int8 uint16 int16 int32 int64 uint32 uint64",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
