/* SPDX-License-Identifier: MIT
 *
 * naru.LastMaxPool: MaxPool of channels-last images, X [N, D..., C] -> Y [N, O..., C]; made by passes, never written
 * to a file.
 * Attributes, types and meaning are MaxPool's; one output.
 */
#include "ops/util_fused.h"

extern const op_desc op_MaxPool;

static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),     ATTR_I("ceil_mode", 0),
    ATTR_OPT("dilations", ATTR_INTS), ATTR_REQ("kernel_shape", ATTR_INTS),
    ATTR_OPT("pads", ATTR_INTS),      ATTR_I("storage_order", 0),
    ATTR_OPT("strides", ATTR_INTS),   {0},
};

static naru_status infer(infer_ctx *c) { return last_infer(c, &op_MaxPool, 1, true); }
static naru_status eval(eval_ctx *c) { return last_eval(c, &op_MaxPool, 1, true); }

const op_desc op_LastMaxPool = {
    .name = "LastMaxPool",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "X:T -> Y:T | T = float int8 uint8",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
