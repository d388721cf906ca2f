/* SPDX-License-Identifier: MIT
 *
 * Pow: Z = X ^ Y, elementwise with broadcasting; the result has X's type. [ONNX Pow-15]
 *
 * Types: X float, int32, int64; Y any number. Versions: 1, 7, 12 (mixed types), 13, 15. Integer bases with integer
 * exponents
 * >= 0 are exact and wrap; other integer results are truncated from double.
 */
#include <math.h>

#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return pow(a, b); }

static int64_t fi(int64_t a, int64_t b, const node *n) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint64_t r = 1, base = (uint64_t)a;
    for (; b; b >>= 1, base *= base)
        if (b & 1) r *= base;
    return (int64_t)r;
}

static naru_status eval(eval_ctx *c) { return eval_binary(c, f, fi); }

const op_desc op_Pow = {
    .name = "Pow",
    .versions = (const short[]){1, 7, 12, 13, 15, 0},
    .sig = "X:T, Y:T1 -> Z:T | T = float int32 int64; T1 = num",
    .since = "T1 15 bfloat16",
    .flags = OP_ELEMENTWISE,
    .infer = infer_elementwise,
    .eval = eval,
    .adapters = legacy_broadcast,
};
