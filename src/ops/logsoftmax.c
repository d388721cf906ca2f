/* SPDX-License-Identifier: MIT
 *
 * LogSoftmax: y = x - max - ln(sum of e^(x - max)) along the axis. [ONNX LogSoftmax-13]
 *
 * Types: floats. Versions: 1, 11 (input seen as 2-D, split at axis, default 1), 13 (one axis, default -1). A row with
 * NaN gives NaN.
 */
#include <math.h>

#include "ops/util_softmax.h"

static void row(const double *x, double *y, int64_t n) {
    double max = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++) max = x[i] > max ? x[i] : max;
    for (int64_t i = 0; i < n; i++) sum += exp(x[i] - max);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - max - log(sum);
}

static naru_status eval(eval_ctx *c) { return eval_softmax(c, row); }

const op_desc op_LogSoftmax = {
    .name = "LogSoftmax",
    .versions = (const short[]){1, 11, 13, 0},
    .sig = "input:T -> output:T | T = float",
    .attrs = softmax_attrs,
    .infer = infer_softmax,
    .eval = eval,
    .adapters = softmax_adapters,
};
