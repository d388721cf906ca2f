/* SPDX-License-Identifier: MIT
 *
 * And: C = A and B of bools. [ONNX And-7]
 *
 * Elementwise with multidirectional broadcasting. Versions: 1, 7.
 */
#include "ops/util_legacy.h"

static double f(double a, double b, const node *n) { return a && b; }
static int64_t fi(int64_t a, int64_t b, const node *n) { return a && b; }

static naru_status eval(eval_ctx *c) { return eval_binary(c, f, fi); }

const op_desc op_And = {
    .name = "And",
    .versions = (const short[]){1, 7, 0},
    .sig = "A:bool, B:bool -> C:bool",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer_compare,
    .eval = eval,
    .adapters = legacy_broadcast,
};
