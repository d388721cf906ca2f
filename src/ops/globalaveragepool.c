/* SPDX-License-Identifier: MIT
 *
 * GlobalAveragePool: Y[n,c] = mean of X[n,c,...] over all spatial positions. [ONNX GlobalAveragePool-22]
 *
 * Shapes: X [N, C, D...] -> Y [N, C, 1...]. Types: floats. Versions: 1, 22 (bfloat16). Edge cases: an empty plane gives
 * NaN.
 */
#include "ops/util_global.h"

static double mean(const double *x, int64_t n, const node *nd) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += x[i];
    return s / (double)n;
}

static naru_status eval(eval_ctx *c) { return global_eval(c, mean); }

const op_desc op_GlobalAveragePool = {
    .name = "GlobalAveragePool",
    .versions = (const short[]){1, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .infer = global_infer,
    .eval = eval,
};
