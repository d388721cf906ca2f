/* SPDX-License-Identifier: MIT
 *
 * Scatter: the name of ScatterElements before opset 11; becomes it when lifted. [ONNX Scatter-11, deprecated]
 *
 * Versions: 9, 11.
 */
#include "ops/op.h"

static naru_status rename_op(lift_ctx *c, node *n) {
    n->op_type = "ScatterElements";
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("axis", 0), {0}};
static const adapter adapters[] = {{999, rename_op}, {0}};

const op_desc op_Scatter = {
    .name = "Scatter",
    .versions = (const short[]){9, 11, 0},
    .deprecated = 11,
    .sig = "data:T, indices:I, updates:T -> output:T | T = all; I = int32 int64",
    .since = "T never small bfloat16",
    .attrs = attrs,
    .adapters = adapters,
};
