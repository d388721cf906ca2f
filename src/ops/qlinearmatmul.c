/* SPDX-License-Identifier: MIT
 *
 * QLinearMatMul: y = saturate(round((a - a_zp) x (b - b_zp) * a_scale * b_scale / y_scale) + y_zp). [ONNX
 * QLinearMatMul-21]
 *
 * Exact integer product; one rounding, half to even. Scales: per tensor, a per row, b per column. Versions: 10, 21
 * (float8 and 16-bit scales).
 */
#include "ops/util_qproduct.h"

static const qproduct k_inputs = {"MatMul", 0, 2, 3, 5, 1, 4, 6, 7, -1};

static naru_status infer(infer_ctx *c) { return qproduct_infer(c, &k_inputs); }
static naru_status eval(eval_ctx *c) { return qproduct_eval(c, &k_inputs); }

const op_desc op_QLinearMatMul = {
    .name = "QLinearMatMul",
    .versions = (const short[]){10, 21, 0},
    .sig = "a:T1, a_scale:TS, a_zero_point:T1, b:T2, b_scale:TS, b_zero_point:T2, y_scale:TS, y_zero_point:T3 -> y:T3 "
           "| TS = float16 bfloat16 float32; T1 = int8 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz; T2 "
           "= int8 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz; T3 = int8 uint8 float8e4m3fn "
           "float8e4m3fnuz float8e5m2 float8e5m2fnuz",
    .since = "T1 21 float8; TS 21 float16 bfloat16; T2 21 float8; T3 21 float8",
    .infer = infer,
    .eval = eval,
};
