/* SPDX-License-Identifier: MIT
 *
 * MatMulInteger: Y = (A - a_zero_point) x (B - b_zero_point), exact, int32. [ONNX MatMulInteger-10]
 *
 * a_zero_point: scalar or per row; b_zero_point: scalar or per column. The reference computes in doubles, which are
 * exact (util_qproduct.h). Versions: 10.
 */
#include "ops/util_qproduct.h"

static const qproduct k_inputs = {"MatMul", 0, 2, 1, 3, -1, -1, -1, -1, -1};

static naru_status infer(infer_ctx *c) { return qproduct_infer(c, &k_inputs); }
static naru_status eval(eval_ctx *c) { return qproduct_eval(c, &k_inputs); }

const op_desc op_MatMulInteger = {
    .name = "MatMulInteger",
    .versions = (const short[]){10, 0},
    .sig = "A:T1, B:T2, a_zero_point:T1?, b_zero_point:T2? -> Y:int32 | T1 = int8 uint8; T2 = int8 uint8",
    .infer = infer,
    .eval = eval,
};
