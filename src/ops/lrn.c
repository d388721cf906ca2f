/* SPDX-License-Identifier: MIT
 *
 * LRN: Y = X / (bias + alpha / size * sum of X^2 over neighbouring channels)^beta; channel c's neighbours are
 * c - floor((size-1)/2) ... c + ceil((size-1)/2), inside [0, C). [ONNX LRN-13]
 *
 * Shapes: X [N, C, D...] -> Y like X. Types: floats. Versions: 1, 13 (bfloat16).
 */
#include <math.h>

#include "ops/op.h"
#include "tensor/dtype.h"

enum { ALPHA, BETA, BIAS, SIZE };
static const attr_def attrs[] = {
    ATTR_F("alpha", 1e-4f), ATTR_F("beta", 0.75f), ATTR_F("bias", 1.0f), ATTR_REQ("size", ATTR_INT), {0},
};

static naru_status infer(infer_ctx *c) {
    if (in_rank(c, 0) >= 0 && in_rank(c, 0) < 2)
        return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", in_rank(c, 0));
    if (node_i(c->node, SIZE) < 1)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'size' is %lld", (long long)node_i(c->node, SIZE));
    out_like(c, 0, 0);
    return NARU_OK;
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    int64_t plane = 1, channels = x->dims[1], size = node_i(c->node, SIZE);
    for (int d = 2; d < x->rank; d++) plane *= x->dims[d];
    const double *xd = eval_f64(c, x);
    double *sum = eval_scratch(c, (size_t)plane * sizeof *sum), alpha = node_f(c->node, ALPHA) / (double)size;
    if (!xd || !sum) return NARU_OUT_OF_MEMORY;
    for (int64_t nc = 0; nc < x->dims[0] * channels; nc++) {
        int64_t ch = nc % channels, from = i64_max(0, ch - (size - 1) / 2),
                to = ch + i64_min(size / 2, channels - 1 - ch);
        memset(sum, 0, (size_t)plane * sizeof *sum);
        for (int64_t k = from; k <= to; k++) {
            const double *p = xd + (nc - ch + k) * plane;
            for (int64_t i = 0; i < plane; i++) sum[i] += p[i] * p[i];
        }
        for (int64_t i = 0; i < plane; i++)
            sum[i] = xd[nc * plane + i] / pow(node_f(c->node, BIAS) + alpha * sum[i], node_f(c->node, BETA));
        dtype_write_f64(y->dtype, y->data, nc * plane, plane, sum, true);
    }
    return NARU_OK;
}

const op_desc op_LRN = {
    .name = "LRN",
    .versions = (const short[]){1, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
