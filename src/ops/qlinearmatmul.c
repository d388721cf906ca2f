/* SPDX-License-Identifier: MIT
 *
 * QLinearMatMul: y = saturate(round((a - a_zp) x (b - b_zp) * a_scale * b_scale / y_scale) + y_zp). [ONNX QLinearMatMul-21]
 *
 * Exact integer product; one rounding, half to even. Scales: per tensor, a per row, b per column. Versions: 10, 21 (float8 and
 * 16-bit scales).
 */
#include "ops/util_qchain.h"

static value *per_row(lift_ctx *c, node *n, value *v) { return value_rank(v) == 1 ? along(c, n, v, 1) : v; }

static naru_status expand(lift_ctx *c, node *n) {
    value *a_zp = arg(n, 2);
    value *a = centered(c, n, arg(n, 0), a_zp, a_zp && value_rank(a_zp) == 1), *b = centered(c, n, arg(n, 3), arg(n, 5), 0);
    value *sa = emit_cast(c, n, per_row(c, n, arg(n, 1)), NARU_DOUBLE), *sb = emit_cast(c, n, arg(n, 4), NARU_DOUBLE);
    value *scale = emit2(c, n, "Div", emit2(c, n, "Mul", sa, sb), emit_cast(c, n, arg(n, 6), NARU_DOUBLE));
    return emit_replace(c, n, requantized(c, n, emit2(c, n, "MatMul", a, b), scale, arg(n, 7)));
}

const op_desc op_QLinearMatMul = {
    .name = "QLinearMatMul",
    .versions = (const short[]){10, 21, 0},
    .sig = "a:T1, a_scale:TS, a_zero_point:T1, b:T2, b_scale:TS, b_zero_point:T2, y_scale:TS, y_zero_point:T3 -> y:T3 | TS = float16 bfloat16 float32; T1 = int8 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz; T2 = int8 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz; T3 = int8 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz",
    .expand = expand,
};
