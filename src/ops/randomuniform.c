/* SPDX-License-Identifier: MIT
 *
 * RandomUniform: uniform in [low, high) of the given shape. [ONNX RandomUniform-22]
 *
 * Versions: 1, 22.
 */
#include "ops/util_random.h"

#include "tensor/dtype.h"

enum { DTYPE, HIGH, LOW, SEED, SHAPE };

static naru_status infer(infer_ctx *c) { return infer_random_shape(c, DTYPE, SHAPE); }

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    uint64_t s = random_state(c, SEED);
    double lo = node_f(c->node, LOW), hi = node_f(c->node, HIGH);
    for (int64_t i = 0, n = y ? tensor_count(y) : 0; i < n; i++)
        dtype_set_f64(y->dtype, y->data, i, lo + (hi - lo) * random_uniform(&s));
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("dtype", 1),           ATTR_F("high", 1.0f),         ATTR_F("low", 0.0f),
                                 ATTR_OPT("seed", ATTR_FLOAT), ATTR_REQ("shape", ATTR_INTS), {0}};

const op_desc op_RandomUniform = {
    .name = "RandomUniform",
    .versions = (const short[]){1, 22, 0},
    .sig = " -> output:T | T = float",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
};
