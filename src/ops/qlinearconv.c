/* SPDX-License-Identifier: MIT
 *
 * QLinearConv: y = saturate(round((Conv(x - x_zp, w - w_zp) + B) * x_scale * w_scale / y_scale) + y_zp). [ONNX
 * QLinearConv-10]
 *
 * Exact integer convolution; one rounding, half to even. w_scale and w_zp: scalar or per output channel; B int32 in
 * units of x_scale * w_scale. Attributes as Conv. Versions: 10.
 */
#include "ops/util_qproduct.h"

/* Conv's table, in its order: inference and evaluation are Conv's. */
static const attr_def attrs[] = {ATTR_S("auto_pad", "NOTSET"),
                                 ATTR_OPT("dilations", ATTR_INTS),
                                 ATTR_I("group", 1),
                                 ATTR_OPT("kernel_shape", ATTR_INTS),
                                 ATTR_OPT("pads", ATTR_INTS),
                                 ATTR_OPT("strides", ATTR_INTS),
                                 {0}};

static const qproduct k_inputs = {"Conv", 0, 2, 3, 5, 1, 4, 6, 7, 8};

static naru_status infer(infer_ctx *c) { return qproduct_infer(c, &k_inputs); }
static naru_status eval(eval_ctx *c) { return qproduct_eval(c, &k_inputs); }

const op_desc op_QLinearConv = {
    .name = "QLinearConv",
    .versions = (const short[]){10, 0},
    .sig = "x:T1, x_scale:float32, x_zero_point:T1, w:T2, w_scale:float32, w_zero_point:T2, y_scale:float32, "
           "y_zero_point:T3, B:int32? -> y:T3 | T1 = int8 uint8; T2 = int8 uint8; T3 = int8 uint8",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
