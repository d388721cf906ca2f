/* SPDX-License-Identifier: MIT
 *
 * Min: the elementwise minimum of all inputs, broadcast together. [ONNX Min-13]
 *
 * Types: numbers. Versions: 1, 6, 8, 12, 13 (8: broadcasting). NaN in any input gives NaN.
 */
#include <math.h>

#include "ops/util_variadic.h"

static double f(double a, double b) { return a != a || b != b ? NAN : a < b ? a : b; }
static int64_t fi(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t fu(int64_t a, int64_t b) { return (uint64_t)a < (uint64_t)b ? a : b; }

static naru_status eval(eval_ctx *c) { return eval_variadic(c, f, eval_in(c, 0)->dtype == NARU_UINT64 ? fu : fi, 1); }

const op_desc op_Min = {
    .name = "Min",
    .versions = (const short[]){1, 6, 8, 12, 13, 0},
    .sig = "data:T... -> result:T | T = num",
    .flags = OP_ELEMENTWISE | OP_COMMUTATIVE,
    .infer = infer_elementwise,
    .eval = eval,
};
