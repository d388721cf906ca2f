/* SPDX-License-Identifier: MIT
 *
 * MatMulInteger: Y = (A - a_zero_point) x (B - b_zero_point), exact, int32. [ONNX MatMulInteger-10]
 *
 * a_zero_point: scalar or per row; b_zero_point: scalar or per column. Expanded into products of doubles, which are exact. Versions: 10.
 */
#include "ops/util_qchain.h"

static naru_status expand(lift_ctx *c, node *n) {
    value *a = centered(c, n, arg(n, 0), arg(n, 2), arg(n, 2) && value_rank(arg(n, 2)) == 1), *b = centered(c, n, arg(n, 1), arg(n, 3), 0);
    return emit_replace(c, n, emit_cast(c, n, emit2(c, n, "MatMul", a, b), NARU_INT32));
}

const op_desc op_MatMulInteger = {
    .name = "MatMulInteger",
    .versions = (const short[]){10, 0},
    .sig = "A:T1, B:T2, a_zero_point:T1?, b_zero_point:T2? -> Y:int32 | T1 = int8 uint8; T2 = int8 uint8",
    .expand = expand,
};
