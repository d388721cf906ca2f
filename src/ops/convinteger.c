/* SPDX-License-Identifier: MIT
 *
 * ConvInteger: Conv of (x - x_zero_point) and (w - w_zero_point), exact, int32. [ONNX ConvInteger-10]
 *
 * Padding counts as x_zero_point. w_zero_point: scalar or per output channel. Attributes as Conv. Versions: 10.
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

static const qproduct k_inputs = {"Conv", 0, 2, 1, 3, -1, -1, -1, -1, -1};

static naru_status infer(infer_ctx *c) { return qproduct_infer(c, &k_inputs); }
static naru_status eval(eval_ctx *c) { return qproduct_eval(c, &k_inputs); }

const op_desc op_ConvInteger = {
    .name = "ConvInteger",
    .versions = (const short[]){10, 0},
    .sig = "x:T1, w:T2, x_zero_point:T1?, w_zero_point:T2? -> y:int32 | T1 = int8 uint8; T2 = int8 uint8",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
