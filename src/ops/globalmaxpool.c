/* SPDX-License-Identifier: MIT
 *
 * GlobalMaxPool: Y[n,c] = max of X[n,c,...] over all spatial positions. [ONNX GlobalMaxPool-22]
 *
 * Shapes: X [N, C, D...] -> Y [N, C, 1...]. Types: floats. Versions: 1, 22 (bfloat16). Edge cases: NaN wins; an empty
 * plane gives -infinity.
 */
#include <math.h>

#include "ops/util_global.h"

static double maximum(const double *x, int64_t n, const node *nd) {
    double m = -INFINITY;
    for (int64_t i = 0; i < n && m == m; i++)
        if (x[i] > m || x[i] != x[i]) m = x[i];
    return m;
}

static naru_status eval(eval_ctx *c) { return global_eval(c, maximum); }

const op_desc op_GlobalMaxPool = {
    .name = "GlobalMaxPool",
    .versions = (const short[]){1, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16",
    .infer = global_infer,
    .eval = eval,
};
