/* SPDX-License-Identifier: MIT
 *
 * SoftmaxCrossEntropyLoss: log-softmax over axis 1, then the loss of util_loss.h. [ONNX SoftmaxCrossEntropyLoss-13]
 *
 * Output 1 (optional): the log-probabilities, like scores. Types: floats; labels int32, int64. Versions: 12, 13
 * (bfloat16). Edge cases: ignore_index may lie outside the classes; any other label outside them is an error.
 */
#include <math.h>

#include "ops/util_loss.h"

enum { IGNORE_INDEX, REDUCTION };
static const attr_def attrs[] = {ATTR_OPT("ignore_index", ATTR_INT), ATTR_S("reduction", "mean"), {0}};

static naru_status infer(infer_ctx *c) {
    TRY(loss_infer(c, REDUCTION));
    out_like(c, 1, 0);
    return NARU_OK;
}

static void log_softmax(const double *x, double *y, int64_t n, int64_t stride) {
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) top = x[i * stride] > top ? x[i * stride] : top;
    for (int64_t i = 0; i < n; i++) sum += exp(x[i * stride] - top);
    for (int64_t i = 0; i < n; i++) y[i * stride] = x[i * stride] - top - log(sum);
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    int64_t n = tensor_count(x), plane = 1, classes = x->dims[1];
    for (int d = 2; d < x->rank; d++) plane *= x->dims[d];
    const double *xd = eval_f64(c, x);
    double *y = eval_scratch(c, (size_t)n * sizeof *y);
    if (!xd || !y) return NARU_OUT_OF_MEMORY;
    for (int64_t b = 0; b < x->dims[0]; b++)
        for (int64_t i = 0; i < plane; i++)
            log_softmax(xd + b * classes * plane + i, y + b * classes * plane + i, classes, plane);
    if (eval_out(c, 1)) dtype_write_f64(eval_out(c, 1)->dtype, eval_out(c, 1)->data, 0, n, y, true);
    return loss_eval(c, y, IGNORE_INDEX, REDUCTION);
}

const op_desc op_SoftmaxCrossEntropyLoss = {
    .name = "SoftmaxCrossEntropyLoss",
    .versions = (const short[]){12, 13, 0},
    .sig = "scores:T, labels:Tind, weights:T? -> output:T, log_prob:T? | T = float; Tind = int32 int64",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
