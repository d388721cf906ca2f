/* SPDX-License-Identifier: MIT
 *
 * Bernoulli: y = 1 with probability x, else 0, elementwise. [ONNX Bernoulli-22]
 *
 * Type: dtype, else the input's. Versions: 15, 22.
 */
#include "ops/util_random.h"

#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { DTYPE, SEED };

static naru_status infer(infer_ctx *c) { return infer_random_like(c, DTYPE); }

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    uint64_t s = random_state(c, SEED);
    for (int64_t i = 0, n = y ? tensor_count(y) : 0; i < n; i++)
        dtype_set_f64(y->dtype, y->data, i, random_uniform(&s) < dtype_get_f64(x->dtype, x->data, i));
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("dtype", ATTR_INT), ATTR_OPT("seed", ATTR_FLOAT), {0}};

static naru_status down15(lower_ctx *c, node *n) {
    value *p = lw_cast(c, lw_in(n, 0), NARU_FLOAT);
    lw_attr(c, n, SEED);
    value *draw = LW(c, "RandomUniformLike", p);
    return lw_replace(c, n, lw_cast(c, LW(c, "Less", draw, p), lw_dtype(lw_out(n, 0))));
}

const op_desc op_Bernoulli = {
    .name = "Bernoulli",
    .versions = (const short[]){15, 22, 0},
    .sig = "input:T1 -> output:T2 | T1 = float; T2 = num bool",
    .since = "T1 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{15, down15}, {0}},
};
