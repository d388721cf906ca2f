/* SPDX-License-Identifier: MIT
 *
 * The quantized products that passes make, naru.QConv and naru.QMatMul: one table of inputs, one meaning.
 *
 *   acc = sum (x - x_zero) (w - w_zero) + bias        exact; bias where it is INT32 (units of x_scale w_scale)
 *   v   = acc * m + b                                 rounded once; m = x_scale w_scale / y_scale, b = bias / y_scale
 *                                                     where bias is float32, else 0
 *   v   = (z - z_zero) * (z_scale / y_scale) + v      rounded once; z may be float32 (then z * (1 / y_scale))
 *   v   = min(max(v, low), high)                      Relu, Clip; bounds are divided by y_scale in float32
 *   y   = saturate(rint(v) + y_zero), ties to even    or float32(v), where y_scale is omitted (it counts as 1)
 *
 * Numbers are doubles; scales of W and bias run along Y's channels. Every level computes exactly this, so the bits are
 * the same everywhere. Why it is what Q/DQ say: the product of two float32 scales is exact in double, m, b and v are
 * rounded to 53 bits, so v differs from the real value of the spelled-out DQ, Conv, Q by less than 2^-50 of its largest
 * term. A float32 evaluation of the same graph rounds to 24 bits at every step; its y is the same unless the real value
 * is nearer to a tie than that evaluation's own error, and where all its steps are exact (scales that are powers of
 * two, sums under 2^24) it is the same at ties too.
 */
#ifndef OPS_UTIL_QFUSED_H
#define OPS_UTIL_QFUSED_H

#include "ops/op.h"

enum {
    QF_X,
    QF_W,
    QF_BIAS,
    QF_Z,
    QF_X_SCALE,
    QF_X_ZERO,
    QF_W_SCALE,
    QF_W_ZERO,
    QF_Z_SCALE,
    QF_Z_ZERO,
    QF_Y_SCALE,
    QF_Y_ZERO,
    QF_INPUTS
};

#define QF_SIG                                                                                                         \
    "X:T1, W:T2, B:TB?, Z:TZ?, x_scale:float32, x_zero_point:T1?, w_scale:float32, w_zero_point:T2?, "                 \
    "z_scale:float32?, z_zero_point:TZ?, y_scale:float32?, y_zero_point:T3? -> Y:T4 | T1 = int8 uint8; T2 = int8 "     \
    "uint8; TB = int32 float32; TZ = int8 uint8 float32; T3 = int8 uint8; T4 = int8 uint8 float32"

/* inner: op_Conv or op_MatMul; `last`: X, Z and Y are channels-last images. */
naru_status qfused_infer(infer_ctx *c, const op_desc *inner, bool last, int activation);
naru_status qfused_eval(eval_ctx *c, const op_desc *inner, bool last, int activation, int params);

/* Bounds of v from the attributes `activation` and `activation_params`, by table index. */
void qfused_bounds(const node *n, int activation, int params, float y_scale, double *lo, double *hi);
naru_status qfused_check_activation(infer_ctx *c, int activation);
/* Element i of y from v: quantized, or as float32. */
void qfused_store(naru_tensor *y, int64_t i, double v, const naru_tensor *zero);
/* The first element of a parameter; `none` where it is omitted. */
double qfused_number(const naru_tensor *t, double none);

#endif
