/* SPDX-License-Identifier: MIT
 *
 * Not: y = not x. [ONNX Not-1]
 *
 * Types: bool. Versions: 1.
 */
#include "ops/op.h"

static double f(double x, const node *n) { return !x; }
static int64_t fi(int64_t x, const node *n) { return !x; }

static naru_status eval(eval_ctx *c) { return eval_unary(c, f, fi); }

const op_desc op_Not = {
    .name = "Not",
    .versions = (const short[]){1, 0},
    .sig = "X:bool -> Y:bool",
    .flags = OP_ELEMENTWISE,
    .infer = infer_same_as_first,
    .eval = eval,
};
