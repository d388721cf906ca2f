/* SPDX-License-Identifier: MIT
 *
 * Integer chains (util_qchain.h).
 */
#include "ops/util_qchain.h"

value *along(lift_ctx *c, node *at, value *v, int trail) {
    if (!v || trail <= 0 || value_rank(v) == 0) return v;
    int64_t shape[NARU_MAX_RANK] = {-1};
    for (int i = 1; i <= trail; i++) shape[i] = 1;
    return emit2(c, at, "Reshape", v, emit_ints(c, shape, trail + 1));
}

value *centered(lift_ctx *c, node *at, value *x, value *zp, int trail) {
    value *d = emit_cast(c, at, x, NARU_DOUBLE);
    if (!zp) return d;
    return emit2(c, at, "Sub", d, along(c, at, emit_cast(c, at, zp, NARU_DOUBLE), trail));
}

value *requantized(lift_ctx *c, node *at, value *acc, value *scale, value *zp) {
    value *r = emit1(c, at, "Round", emit2(c, at, "Mul", acc, scale));
    naru_dtype d = zp->constant ? zp->constant->dtype : zp->has_declared && zp->declared.dtype ? zp->declared.dtype : NARU_UNDEFINED;
    value *shifted = emit2(c, at, "Add", r, emit_cast(c, at, zp, NARU_DOUBLE));
    if (d == NARU_INT8 || d == NARU_UINT8) {
        value *lo = emit_scalar(c, NARU_DOUBLE, d == NARU_INT8 ? -128 : 0), *hi = emit_scalar(c, NARU_DOUBLE, d == NARU_INT8 ? 127 : 255);
        return emit_cast(c, at, emit3(c, at, "Clip", shifted, lo, hi), d);
    }
    return emit3(c, at, "QuantizeLinear", shifted, emit_scalar(c, NARU_DOUBLE, 1), zp); /* saturates by the zero point's type */
}
