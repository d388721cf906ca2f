/* SPDX-License-Identifier: MIT
 *
 * NegativeLogLikelihoodLoss: see util_loss.h; the input holds log-probabilities. [ONNX NegativeLogLikelihoodLoss-22]
 *
 * Types: floats; target int32, int64. Versions: 12, 13 (bfloat16), 22. Edge cases: ignore_index may lie outside the
 * classes; any other target outside them is an error.
 */
#include "ops/util_loss.h"

enum { IGNORE_INDEX, REDUCTION };
static const attr_def attrs[] = {ATTR_OPT("ignore_index", ATTR_INT), ATTR_S("reduction", "mean"), {0}};

static naru_status infer(infer_ctx *c) { return loss_infer(c, REDUCTION); }
static naru_status eval(eval_ctx *c) {
    const double *x = eval_f64(c, eval_in(c, 0));
    return x ? loss_eval(c, x, IGNORE_INDEX, REDUCTION) : NARU_OUT_OF_MEMORY;
}

const op_desc op_NegativeLogLikelihoodLoss = {
    .name = "NegativeLogLikelihoodLoss",
    .versions = (const short[]){12, 13, 22, 0},
    .sig = "input:T, target:Tind, weight:T? -> loss:T | T = float; Tind = int32 int64",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
