/* SPDX-License-Identifier: MIT
 *
 * MeanVarianceNormalization: Y = (X - mean) / (standard deviation + 1e-9), statistics over `axes`. [ONNX
 * MeanVarianceNormalization-13]
 *
 * Shapes: Y like X; axes default 0, 2, 3 (so that each channel of an image batch has its own). Types: floats. Versions:
 * 9, 13 (bfloat16). Edge cases: a constant X gives 0.
 */
#include <math.h>

#include "ops/op.h"
#include "tensor/dtype.h"

enum { AXES };
static const attr_def attrs[] = {ATTR_OPT("axes", ATTR_INTS), {0}};

static const int64_t *get_axes(const node *n, int64_t *count) {
    static const int64_t usual[] = {0, 2, 3};
    const int64_t *v = node_ints(n, AXES, count);
    if (node_has(n, AXES)) return v;
    *count = 3;
    return usual;
}

static naru_status infer(infer_ctx *c) {
    int64_t n;
    const int64_t *axes = get_axes(c->node, &n);
    int out[NARU_MAX_RANK];
    if (in_rank(c, 0) >= 0) TRY(infer_axes(c, axes, n, in_rank(c, 0), out));
    out_like(c, 0, 0);
    return NARU_OK;
}

/* Strides of the kept axes in a tensor without the reduced ones; 0 on the reduced ones. */
static int64_t kept_strides(const node *n, const naru_tensor *x, int64_t *strides) {
    int64_t count, kept = 1;
    const int64_t *axes = get_axes(n, &count);
    for (int d = 0; d < x->rank; d++) strides[d] = 1;
    for (int64_t i = 0; i < count; i++) strides[axes[i] < 0 ? axes[i] + x->rank : axes[i]] = 0;
    for (int d = x->rank - 1; d >= 0; d--) {
        if (!strides[d]) continue;
        strides[d] = kept;
        kept *= x->dims[d];
    }
    return kept;
}

typedef struct job {
    const naru_tensor *x;
    const double *xd;
    int64_t strides[NARU_MAX_RANK];
    double *mean, *square, *count, *y;
} job;

/* Pass 0 sums, 1 sums squared distances, 2 writes. */
static void run(job *j, int pass) {
    int64_t at[NARU_MAX_RANK] = {0}, g = 0, total = tensor_count(j->x);
    for (int64_t i = 0; i < total; i++) {
        double d = j->xd[i] - (pass ? j->mean[g] : 0);
        if (pass == 0) j->mean[g] += d, j->count[g] += 1;
        if (pass == 1) j->square[g] += d * d;
        if (pass == 2) j->y[i] = d / (sqrt(j->square[g] / j->count[g]) + 1e-9);
        for (int k = j->x->rank - 1; k >= 0; k--) {
            g += j->strides[k];
            if (++at[k] < j->x->dims[k]) break;
            g -= j->strides[k] * j->x->dims[k];
            at[k] = 0;
        }
    }
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    naru_tensor *y = eval_out(c, 0);
    if (!y || tensor_count(y) == 0) return NARU_OK;
    job j = {.x = x, .xd = eval_f64(c, x)};
    size_t groups = (size_t)kept_strides(c->node, x, j.strides);
    double *stats = eval_scratch(c, 3 * groups * sizeof *stats);
    j.y = eval_scratch(c, (size_t)tensor_count(x) * sizeof *j.y);
    if (!j.xd || !stats || !j.y) return NARU_OUT_OF_MEMORY;
    memset(stats, 0, 3 * groups * sizeof *stats);
    j.mean = stats, j.square = stats + groups, j.count = stats + 2 * groups;
    run(&j, 0);
    for (size_t g = 0; g < groups; g++) j.mean[g] /= j.count[g];
    run(&j, 1);
    run(&j, 2);
    dtype_write_f64(y->dtype, y->data, 0, tensor_count(y), j.y, true);
    return NARU_OK;
}

const op_desc op_MeanVarianceNormalization = {
    .name = "MeanVarianceNormalization",
    .versions = (const short[]){9, 13, 0},
    .sig = "X:T -> Y:T | T = float",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
