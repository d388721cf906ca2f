/* SPDX-License-Identifier: MIT
 *
 * RandomNormal: normal with mean and scale of the given shape. [ONNX RandomNormal-22]
 *
 * Versions: 1, 22.
 */
#include "ops/util_random.h"

#include "tensor/dtype.h"

enum { DTYPE, MEAN, SCALE, SEED, SHAPE };

static naru_status infer(infer_ctx *c) { return infer_random_shape(c, DTYPE, SHAPE); }

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    uint64_t s = random_state(c, SEED);
    for (int64_t i = 0, n = y ? tensor_count(y) : 0; i < n; i++)
        dtype_set_f64(y->dtype, y->data, i, node_f(c->node, MEAN) + node_f(c->node, SCALE) * random_normal(&s));
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("dtype", 1),           ATTR_F("mean", 0.0f),         ATTR_F("scale", 1.0f),
                                 ATTR_OPT("seed", ATTR_FLOAT), ATTR_REQ("shape", ATTR_INTS), {0}};

const op_desc op_RandomNormal = {
    .name = "RandomNormal",
    .versions = (const short[]){1, 22, 0},
    .sig = " -> output:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
};
