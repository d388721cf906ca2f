/* SPDX-License-Identifier: MIT
 *
 * The weighted, reduced gather that NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss end with.
 *
 * loss[n,d] = -w[t] x[n,t,d] with t = target[n,d], 0 where t is ignore_index; reduction none, sum, or mean (the sum
 * divided by the used weights; NaN when those sum to 0).
 */
#ifndef OPS_UTIL_LOSS_H
#define OPS_UTIL_LOSS_H

#include "ops/util_choice.h"
#include "tensor/dtype.h"

/* Inputs: scores [N, C, D...], target [N, D...], weight [C]. Output 0: like target, or a scalar when reduced. */
naru_status loss_infer(infer_ctx *c, int reduction_attr);
/* x: the (log-)scores as doubles. */
naru_status loss_eval(eval_ctx *c, const double *x, int ignore_attr, int reduction_attr);

#endif
