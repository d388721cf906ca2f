/* SPDX-License-Identifier: MIT
 *
 * Add: C = A + B, elementwise with multidirectional broadcasting. [ONNX Add-14]
 *
 * Types: every numeric type; integers wrap. Versions: 1 (with axis/broadcast attributes), 6, 7 (numpy broadcasting),
 * 13, 14. Edge cases: NaN and infinities as IEEE 754; an empty operand gives an empty result; rank 0 broadcasts to
 * anything.
 */
#include "ops/util_legacy.h"

static double add(double a, double b, const node *n) { return a + b; }
static int64_t iadd(int64_t a, int64_t b, const node *n) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static naru_status infer(infer_ctx *c) {
    TRY(infer_elementwise(c));
    infer_elems2(c, '+');
    return NARU_OK;
}
static naru_status eval(eval_ctx *c) { return eval_binary(c, add, iadd); }

const op_desc op_Add = {
    .name = "Add",
    .versions = (const short[]){1, 6, 7, 13, 14, 0},
    .sig = "A:T, B:T -> C:T | T = num",
    .since = "T 14 uint8 int8 uint16 int16",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer,
    .eval = eval,
    .adapters = legacy_broadcast,
};
