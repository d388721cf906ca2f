/* SPDX-License-Identifier: MIT
 *
 * Multinomial: sample_size draws per row from classes with unnormalised log probabilities x [batch, classes]. [ONNX
 * Multinomial-22]
 *
 * Result int32 or int64 [batch, sample_size]. Versions: 7, 22.
 */
#include <math.h>

#include "ops/util_random.h"

#include "tensor/dtype.h"

enum { DTYPE, SAMPLE_SIZE, SEED };

static naru_status infer(infer_ctx *c) {
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) != 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2", in_rank(c, 0));
    int64_t to = node_i(c->node, DTYPE);
    if (to != NARU_INT32 && to != NARU_INT64)
        return op_fail(c, NARU_TYPE, "dtype %lld is neither int32 nor int64", (long long)to);
    if (node_i(c->node, SAMPLE_SIZE) < 0) return op_fail(c, NARU_SHAPE, "sample_size is negative");
    dim_t d[2] = {in_rank(c, 0) == 2 ? in_dim(c, 0, 0) : DIM_UNKNOWN, node_i(c->node, SAMPLE_SIZE)};
    out_tensor(c, 0, (naru_dtype)node_i(c->node, DTYPE), 2, d);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    int64_t n = x->dims[1], m = y->dims[1];
    double *cum = eval_scratch(c, (size_t)(n + 1) * sizeof *cum);
    if (!cum) return NARU_OUT_OF_MEMORY;
    if (n == 0 && m) return eval_fail(c, NARU_SHAPE, "there are no classes");
    uint64_t s = random_state(c, SEED);
    for (int64_t b = 0; b < x->dims[0]; b++) {
        double max = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++) max = fmax(max, dtype_get_f64(x->dtype, x->data, b * n + i));
        for (int64_t i = 0; i < n; i++) cum[i] = sum += exp(dtype_get_f64(x->dtype, x->data, b * n + i) - max);
        for (int64_t k = 0; k < m; k++) {
            double u = random_uniform(&s) * sum;
            int64_t i = 0;
            while (i < n - 1 && cum[i] <= u) i++;
            dtype_set_i64(y->dtype, y->data, b * m + k, i);
        }
    }
    return NARU_OK;
}

static const attr_def attrs[] = {ATTR_I("dtype", 6), ATTR_I("sample_size", 1), ATTR_OPT("seed", ATTR_FLOAT), {0}};

const op_desc op_Multinomial = {
    .name = "Multinomial",
    .versions = (const short[]){7, 22, 0},
    .sig = "input:T1 -> output:T2 | T1 = float; T2 = int32 int64",
    .since = "T1 22 bfloat16",
    .attrs = attrs,
    .flags = OP_RANDOM,
    .infer = infer,
    .eval = eval,
};
