/* SPDX-License-Identifier: MIT
 *
 * RandomNormalLike: normal with mean and scale of the input's dims. [ONNX RandomNormalLike-22]
 *
 * Type: dtype, else the input's. Versions: 1, 22.
 */
#include "ops/util_random.h"

#include "tensor/dtype.h"

enum { DTYPE, MEAN, SCALE, SEED };

static naru_status infer(infer_ctx *c) { return infer_random_like(c, DTYPE); }

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    uint64_t s = random_state(c, SEED);
    for (int64_t i = 0, n = y ? tensor_count(y) : 0; i < n; i++)
        dtype_set_f64(y->dtype, y->data, i, node_f(c->node, MEAN) + node_f(c->node, SCALE) * random_normal(&s));
    return NARU_OK;
}

static const attr_def attrs[] = {
    ATTR_OPT("dtype", ATTR_INT), ATTR_F("mean", 0.0f), ATTR_F("scale", 1.0f), ATTR_OPT("seed", ATTR_FLOAT), {0}};

const op_desc op_RandomNormalLike = {
    .name = "RandomNormalLike",
    .versions = (const short[]){1, 22, 0},
    .sig = "input:all -> output:T | T = float",
    .since = "input 22 bfloat16; input never small; T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
};
