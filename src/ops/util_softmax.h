/* SPDX-License-Identifier: MIT
 *
 * What Softmax, LogSoftmax and Hardmax share: one axis, and the 2-D meaning they had before opset 13.
 */
#ifndef OPS_UTIL_SOFTMAX_H
#define OPS_UTIL_SOFTMAX_H

#include "ops/op.h"

naru_status infer_softmax(infer_ctx *c); /* attribute 0 is the axis */
/* Calls row(x, y, n) for every row along the axis, gathered into doubles. */
naru_status eval_softmax(eval_ctx *c, void (*row)(const double *x, double *y, int64_t n));
extern const adapter softmax_adapters[]; /* below 13: flattened to 2-D at axis (default 1) */
extern const attr_def softmax_attrs[];

#endif
