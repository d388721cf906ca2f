/* SPDX-License-Identifier: MIT
 *
 * naru.LastAveragePool: AveragePool of channels-last images, X [N, D..., C] -> Y [N, O..., C]; made by passes, never
 * written to a file. Attributes, types and meaning are AveragePool's; one output.
 */
#include "ops/util_fused.h"

extern const op_desc op_AveragePool;

static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),        ATTR_I("ceil_mode", 0),
    ATTR_I("count_include_pad", 0),      ATTR_OPT("dilations", ATTR_INTS),
    ATTR_REQ("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),      {0},
};

static naru_status infer(infer_ctx *c) { return last_infer(c, &op_AveragePool, 1, true); }
static naru_status eval(eval_ctx *c) { return last_eval(c, &op_AveragePool, 1, true); }

const op_desc op_LastAveragePool = {
    .name = "LastAveragePool",
    .domain = "naru",
    .versions = (const short[]){1, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
