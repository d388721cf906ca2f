/* SPDX-License-Identifier: MIT
 *
 * Div: C = A / B, elementwise with multidirectional broadcasting; integers truncate toward zero. [ONNX Div-14]
 *
 * Types: numbers. Versions: 1, 6, 7, 13, 14. Integer division by zero gives 0 (undefined in ONNX); the smallest integer
 * / -1 wraps.
 */
#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return a / b; }
static int64_t fi(int64_t a, int64_t b, const node *n) {
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}
static int64_t fu(int64_t a, int64_t b, const node *n) { return b == 0 ? 0 : (int64_t)((uint64_t)a / (uint64_t)b); }

static naru_status infer(infer_ctx *c) {
    TRY(infer_elementwise(c));
    infer_elems2(c, '/');
    return NARU_OK;
}
static naru_status eval(eval_ctx *c) { return eval_binary(c, f, eval_in(c, 0)->dtype == NARU_UINT64 ? fu : fi); }

const op_desc op_Div = {
    .name = "Div",
    .versions = (const short[]){1, 6, 7, 13, 14, 0},
    .sig = "A:T, B:T -> C:T | T = num",
    .since = "T 14 uint8 int8 uint16 int16",
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
    .adapters = legacy_broadcast,
};
