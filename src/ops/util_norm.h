/* SPDX-License-Identifier: MIT
 *
 * Statistics of rows and broadcast operands, as the normalization operators use them.
 */
#ifndef OPS_UTIL_NORM_H
#define OPS_UTIL_NORM_H

#include <math.h>

#include "ops/util_choice.h"
#include "ops/util_lower.h"
#include "tensor/dtype.h"

/* Mean and population variance, in two passes. */
static inline void norm_stats(const double *x, int64_t n, double *mean, double *var) {
    double s = 0, q = 0;
    for (int64_t i = 0; i < n; i++) s += x[i];
    *mean = s / (double)n;
    for (int64_t i = 0; i < n; i++) q += (x[i] - *mean) * (x[i] - *mean);
    *var = q / (double)n;
}

/* A walk over x's elements in order that knows where a broadcast operand's element is. */
typedef struct norm_walk {
    int rank;
    int64_t dims[NARU_MAX_RANK], strides[NARU_MAX_RANK], at[NARU_MAX_RANK];
    int64_t offset;
} norm_walk;

static inline norm_walk norm_walk_start(const naru_tensor *x, const naru_tensor *operand) {
    norm_walk w = {.rank = x->rank};
    for (int d = 0; d < x->rank; d++) w.dims[d] = x->dims[d];
    if (operand) broadcast_strides(operand, x->rank, x->dims, w.strides);
    return w;
}
static inline void norm_walk_next(norm_walk *w) {
    for (int d = w->rank - 1; d >= 0; d--) {
        w->offset += w->strides[d];
        if (++w->at[d] < w->dims[d]) return;
        w->offset -= w->strides[d] * w->dims[d];
        w->at[d] = 0;
    }
}

/* Operand i must broadcast to input 0 without widening it. */
static inline naru_status norm_check_operand(infer_ctx *c, int i, const char *what) {
    int r = in_rank(c, i), xr = in_rank(c, 0);
    if (r < 0 || xr < 0) return NARU_OK;
    if (r > xr) return op_fail(c, NARU_SHAPE, "%s has rank %d, the input %d", what, r, xr);
    for (int d = 0; d < r; d++) {
        dim_t have = in_dim(c, i, d), want = in_dim(c, 0, xr - r + d);
        if (dim_is_const(have) && have != 1 && dim_is_const(want) && have != want)
            return op_fail(c, NARU_SHAPE, "%s has %lld along axis %d, which does not broadcast to %lld", what,
                           (long long)have, d, (long long)want);
    }
    return NARU_OK;
}

/* Inputs 1.. `last` must be vectors of as many elements as input 0 has channels. */
static inline naru_status norm_check_channels(infer_ctx *c, int last) {
    int r = in_rank(c, 0);
    for (int i = 1; i <= last; i++) {
        TRY(util_need_rank(c, i, 1, "a per-channel operand"));
        if (r >= 2 && in_rank(c, i) == 1)
            TRY(util_same_dim(c, in_dim(c, i, 0), in_dim(c, 0, 1), "a per-channel operand's length"));
    }
    return NARU_OK;
}

/* Y = (X - mean) / sqrt(var + eps) * scale + bias, statistics over each of `groups` groups of channels of each sample.
 * scale and bias have one element per channel or one per group. */
naru_status norm_groups_eval(eval_ctx *c, int64_t groups, double eps);

/* ---- lowering ---- */
/* The type to normalise d in: float for narrower ones. */
static inline naru_dtype norm_type(naru_dtype d) { return d == NARU_DOUBLE ? d : NARU_FLOAT; }
typedef struct norm_parts {
    value *mean, *variance, *root; /* root: sqrt(variance + eps) */
} norm_parts;
/* (x - mean) / root over the axes, which keep dim 1 in the parts, in the form that optimizers know. */
value *norm_lower(lower_ctx *c, value *x, value *axes, double eps, norm_parts *out);

#endif
