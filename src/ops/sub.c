/* SPDX-License-Identifier: MIT
 *
 * Sub: C = A - B. [ONNX Sub-14]
 *
 * Elementwise with multidirectional broadcasting. Types: numbers; integers wrap. Versions: 1, 6, 7, 13, 14 (7: numpy
 * broadcasting). Edge cases: IEEE 754; an empty operand gives an empty result.
 */
#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return a - b; }
static int64_t fi(int64_t a, int64_t b, const node *n) { return (int64_t)((uint64_t)a - (uint64_t)b); }

static naru_status infer(infer_ctx *c) {
    TRY(infer_elementwise(c));
    infer_elems2(c, '-');
    return NARU_OK;
}
static naru_status eval(eval_ctx *c) { return eval_binary(c, f, fi); }

const op_desc op_Sub = {
    .name = "Sub",
    .versions = (const short[]){1, 6, 7, 13, 14, 0},
    .sig = "A:T, B:T -> C:T | T = num",
    .since = "T 14 uint8 int8 uint16 int16",
    .flags = OP_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
    .adapters = legacy_broadcast,
};
