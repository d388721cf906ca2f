/* SPDX-License-Identifier: MIT
 *
 * Mod: C = A mod B, elementwise with broadcasting. fmod = 0: sign of B (floored quotient); fmod = 1: sign of A
 * (truncated), as C's fmod. [ONNX Mod-28]
 *
 * Types: numbers. Versions: 10, 13, 28 (floats with fmod = 0, integers with 1). x mod 0 is NaN for floats, 0 for
 * integers.
 */
#include <math.h>

#include "ops/op.h"
#include "ops/util_lower.h"

enum { FMOD };

static double f(double a, double b, const node *n) {
    double r = fmod(a, b);
    if (node_i(n, FMOD)) return r;
    if (isinf(b) && isfinite(a)) return a == 0 ? copysign(0, b) : signbit(a) == signbit(b) ? a : b;
    if (r == 0) return copysign(0, b);
    return signbit(r) != signbit(b) ? r + b : r;
}

static int64_t fi(int64_t a, int64_t b, const node *n) {
    if (b == 0 || b == -1) return 0;
    int64_t r = a % b;
    return !node_i(n, FMOD) && r && (r < 0) != (b < 0) ? r + b : r;
}
static int64_t fu(int64_t a, int64_t b, const node *n) { return b == 0 ? 0 : (int64_t)((uint64_t)a % (uint64_t)b); }

static naru_status eval(eval_ctx *c) { return eval_binary(c, f, eval_in(c, 0)->dtype == NARU_UINT64 ? fu : fi); }

static const attr_def attrs[] = {ATTR_I("fmod", 0), {0}};

/* Floored quotients of floats. */
static naru_status down28(lower_ctx *c, node *n) {
    value *a = lw_in(n, 0), *b = lw_in(n, 1);
    if (node_i(n, FMOD) || dtype_is_int(lw_dtype(a))) return NARU_OK;
    lw_i(c, "fmod", 1);
    value *r = LW(c, "Mod", a, b), *zero = lw_number(c, lw_dtype(a), 0);
    value *differ = LW(c, "Xor", LW(c, "Less", r, zero), LW(c, "Less", b, zero));
    value *adjust = LW(c, "And", differ, LW(c, "Not", LW(c, "Equal", r, zero)));
    return lw_replace(c, n, LW(c, "Where", adjust, LW(c, "Add", r, b), r));
}

const op_desc op_Mod = {
    .name = "Mod",
    .versions = (const short[]){10, 13, 28, 0},
    .sig = "A:T, B:T -> C:T | T = num",
    .attrs = attrs,
    .flags = OP_ELEMENTWISE,
    .infer = infer_elementwise,
    .eval = eval,
    .down = (const down_adapter[]){{28, down28}, {0}},
};
