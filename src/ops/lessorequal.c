/* SPDX-License-Identifier: MIT
 *
 * LessOrEqual: C = (A <= B), bool. [ONNX LessOrEqual-16]
 *
 * Elementwise with multidirectional broadcasting. Types: numbers. Versions: 12, 16. Comparisons with NaN are false.
 */
#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return a <= b; }
static int64_t fi(int64_t a, int64_t b, const node *n) { return a <= b; }
static int64_t fu(int64_t a, int64_t b, const node *n) { return (uint64_t)a <= (uint64_t)b; }

static naru_status eval(eval_ctx *c) { return eval_binary(c, f, eval_in(c, 0)->dtype == NARU_UINT64 ? fu : fi); }

const op_desc op_LessOrEqual = {
    .name = "LessOrEqual",
    .versions = (const short[]){12, 16, 0},
    .sig = "A:T, B:T -> C:bool | T = num",
    .since = "T 16 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_compare,
    .eval = eval,
    .adapters = legacy_broadcast,
};
