/* SPDX-License-Identifier: MIT
 *
 * Dropout: in inference y = x and mask is all true; with training_mode true, y = x * mask / (1 - ratio), mask random.
 * [ONNX Dropout-22]
 *
 * ratio defaults to 0.5. Types: floats. Versions: 1, 6, 7, 10, 12 (ratio and training_mode become inputs), 13, 22.
 */
#include "ops/op.h"
#include "ops/util_random.h"

#include "tensor/dtype.h"

enum { SEED };

static naru_status infer(infer_ctx *c) {
    out_like(c, 0, 0);
    out_like(c, 1, 0);
    if (c->nout > 1) c->out[1].type.dtype = NARU_BOOL;
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0), *r = eval_in(c, 1), *t = eval_in(c, 2);
    naru_tensor *y = eval_out(c, 0), *mask = eval_out(c, 1);
    double ratio = r ? dtype_get_f64(r->dtype, r->data, 0) : 0.5;
    bool train = t && *(const bool *)t->data && ratio != 0;
    uint64_t state = random_state(c, SEED);
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        bool keep = !train || random_uniform(&state) >= ratio;
        if (mask) ((bool *)mask->data)[i] = keep;
        double v = dtype_get_f64(x->dtype, x->data, i);
        if (y) dtype_set_f64(y->dtype, y->data, i, !train ? v : keep ? v / (1 - ratio) : 0);
    }
    return NARU_OK;
}

static naru_status drop(lift_ctx *c, node *n) { /* without is_test or training_mode an old Dropout means inference */
    static const char *const old[] = {"ratio", "is_test"};
    for (size_t i = 0; i < COUNT_OF(old); i++)
        if (node_attr(n, old[i])) node_attr(n, old[i])->kind = ATTR_NONE;
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_OPT("seed", ATTR_INT), {0}};
static const adapter adapters[] = {{12, drop}, {0}};

const op_desc op_Dropout = {
    .name = "Dropout",
    .versions = (const short[]){1, 6, 7, 10, 12, 13, 22, 0},
    .sig = "data:T, ratio:T1?, training_mode:bool? -> output:T, mask:bool? | T = float; T1 = float",
    .since = "T1 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
    .adapters = adapters,
};
