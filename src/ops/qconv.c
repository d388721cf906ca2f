/* SPDX-License-Identifier: MIT
 *
 * naru.QConv: Y = quantize(activation(Conv(dequantize(X), dequantize(W), B) + dequantize(Z))) over exact integer sums
 * (util_qfused.h); made by passes, never written to a file.
 *
 * Attributes: Conv's, channels_last (X, Z and Y are [N, D..., C]), activation ("", Relu, Clip) and activation_params
 * (Clip: low, high). Scales and zero points are per tensor, of W also per output channel. Without y_scale Y is float32.
 */
#include "ops/util_qfused.h"

extern const op_desc op_Conv;

enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, PADS, STRIDES, CHANNELS_LAST, ACTIVATION, ACTIVATION_PARAMS };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),
    ATTR_OPT("dilations", ATTR_INTS),
    ATTR_I("group", 1),
    ATTR_OPT("kernel_shape", ATTR_INTS),
    ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),
    ATTR_I("channels_last", 0),
    ATTR_S("activation", ""),
    ATTR_OPT("activation_params", ATTR_FLOATS),
    {0},
};

static naru_status infer(infer_ctx *c) { return qfused_infer(c, &op_Conv, node_i(c->node, CHANNELS_LAST), ACTIVATION); }
static naru_status eval(eval_ctx *c) {
    return qfused_eval(c, &op_Conv, node_i(c->node, CHANNELS_LAST), ACTIVATION, ACTIVATION_PARAMS);
}

const op_desc op_QConv = {
    .name = "QConv",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = QF_SIG,
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
