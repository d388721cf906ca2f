/* SPDX-License-Identifier: MIT
 *
 * naru.FusedConv: Y = activation(Conv(X, W, B) + Z); made by passes, never written to a file.
 *
 * Attributes: Conv's, then channels_last (X, Y and Z are [N, D..., C]; W stays [M, C/group, K...]), activation ("" or
 * Relu, Clip, LeakyRelu, Sigmoid, Tanh, HardSigmoid, HardSwish, Swish, Gelu, GeluTanh) and activation_params (Clip:
 * low, high; LeakyRelu: alpha; HardSigmoid: alpha, beta). Z has exactly Y's shape. Types: floats.
 */
#include "ops/util_choice.h"
#include "ops/util_fused.h"

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

static naru_status infer(infer_ctx *c) {
    TRY(fused_check_activation(c, ACTIVATION));
    TRY(last_infer(c, &op_Conv, 3, node_i(c->node, CHANNELS_LAST) != 0));
    const type *y = &c->out[0].type;
    if (in_rank(c, 3) < 0 || !y->has_rank) return NARU_OK;
    TRY(util_need_rank(c, 3, y->rank, "the residual"));
    for (int d = 0; d < y->rank; d++) TRY(util_same_dim(c, in_dim(c, 3, d), y->dims[d], "the residual's dim"));
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    TRY(last_eval(c, &op_Conv, 3, node_i(c->node, CHANNELS_LAST) != 0));
    if (eval_out(c, 0)) fused_finish(c, eval_out(c, 0), eval_in(c, 3), ACTIVATION, ACTIVATION_PARAMS);
    return NARU_OK;
}

const op_desc op_FusedConv = {
    .name = "FusedConv",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "X:T, W:T, B:T?, Z:T? -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
