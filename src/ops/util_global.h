/* SPDX-License-Identifier: MIT
 *
 * Global pooling: one number per (n, c) plane, spatial dims become 1.
 */
#ifndef OPS_UTIL_GLOBAL_H
#define OPS_UTIL_GLOBAL_H

#include "ops/op.h"
#include "tensor/dtype.h"

static inline naru_status global_infer(infer_ctx *c) {
    int r = in_rank(c, 0);
    dim_t dims[NARU_MAX_RANK];
    if (r >= 0 && r < 2) return op_fail(c, NARU_SHAPE, "input has rank %d, needs 2 or more", r);
    for (int d = 0; d < r; d++) dims[d] = d < 2 ? in_dim(c, 0, d) : 1;
    out_tensor(c, 0, in_dtype(c, 0), r, dims);
    return NARU_OK;
}

/* y[plane] = fn(plane's n elements) */
static inline naru_status global_eval(eval_ctx *c, double (*fn)(const double *x, int64_t n, const node *)) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    const double *xd = eval_f64(c, x);
    if (!xd) return NARU_OUT_OF_MEMORY;
    int64_t planes = x->dims[0] * x->dims[1], n = 1;
    for (int d = 2; d < x->rank; d++) n *= x->dims[d];
    for (int64_t p = 0; p < planes; p++) {
        double v = fn(xd + p * n, n, c->node);
        dtype_write_f64(y->dtype, y->data, p, 1, &v, false);
    }
    return NARU_OK;
}

#endif
