/* SPDX-License-Identifier: MIT
 *
 * Hardmax: y = 1 at the first maximum along the axis, 0 elsewhere. [ONNX Hardmax-13]
 *
 * Types: floats. Versions: 1, 11 (input seen as 2-D, split at axis, default 1), 13 (one axis, default -1). A row with
 * NaN gives NaN.
 */
#include "ops/util_softmax.h"

static void row(const double *x, double *y, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) best = x[i] > x[best] ? i : best;
    for (int64_t i = 0; i < n; i++) y[i] = i == best;
}

static naru_status eval(eval_ctx *c) { return eval_softmax(c, row); }

const op_desc op_Hardmax = {
    .name = "Hardmax",
    .versions = (const short[]){1, 11, 13, 0},
    .sig = "input:T -> output:T | T = float",
    .attrs = softmax_attrs,
    .infer = infer_softmax,
    .eval = eval,
    .adapters = softmax_adapters,
};
