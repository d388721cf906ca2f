/* SPDX-License-Identifier: MIT
 *
 * The integer products (MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv) by way of the float operator's own
 * inference and evaluation in doubles, where every 8-bit product and every sum of 2^37 of them is exact: the bits of
 * INT32 arithmetic.
 */
#ifndef OPS_UTIL_QPRODUCT_H
#define OPS_UTIL_QPRODUCT_H

#include "ops/op.h"

/* Input numbers; -1: the operator has none. Without y_scale the result is INT32, else y_zp's type. */
typedef struct qproduct {
    const char *op; /* "MatMul" or "Conv", whose attribute table the operator shares */
    int x, x_zp, w, w_zp, x_scale, w_scale, y_scale, y_zp, bias;
} qproduct;

naru_status qproduct_infer(infer_ctx *c, const qproduct *p);
naru_status qproduct_eval(eval_ctx *c, const qproduct *p);

#endif
