/* SPDX-License-Identifier: MIT
 *
 * AveragePool: Y[n,c,o] = mean over the window of X[n,c,o stride + k dilation - pad]. [ONNX AveragePool-22]
 *
 * count_include_pad 0: the divisor counts the elements inside X; 1: the positions inside X and its padding (not those
 * beyond, which ceil_mode may reach). Shapes: X [N, C, D...] -> Y [N, C, O...], O as in util_pool.h.
 * Types: floats. Versions: 1, 7 (count_include_pad), 10 (ceil_mode), 11, 19 (dilations; before it the last window of
 * ceil_mode was described otherwise but computed so), 22. Edge cases: a window wholly in the padding gives 0.
 */
#include "ops/util_pool.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { AUTO_PAD, CEIL_MODE, COUNT_INCLUDE_PAD, DILATIONS, KERNEL_SHAPE, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),        ATTR_I("ceil_mode", 0),
    ATTR_I("count_include_pad", 0),      ATTR_OPT("dilations", ATTR_INTS),
    ATTR_REQ("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),      {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, AUTO_PAD, CEIL_MODE};

static naru_status infer(infer_ctx *c) {
    dim_t dims[NARU_MAX_RANK];
    int rank;
    TRY(pool_infer(c, &k_window, dims, &rank));
    out_tensor(c, 0, in_dtype(c, 0), rank, dims);
    return NARU_OK;
}

typedef struct job {
    naru_tensor *y;
    int64_t out_plane;
    bool include_pad;
} job;

static void take_mean(const pool_cell *p, void *user) {
    job *j = user;
    double sum = 0;
    for (int64_t i = 0; i < p->count; i++) sum += p->x[p->offset[i]];
    int64_t n = j->include_pad ? p->padded : p->count;
    double v = n ? sum / (double)n : 0;
    dtype_write_f64(j->y->dtype, j->y->data, p->plane * j->out_plane + p->out, 1, &v, false);
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    job j = {y, 1, node_i(c->node, COUNT_INCLUDE_PAD) != 0};
    for (int d = 2; d < y->rank; d++) j.out_plane *= y->dims[d];
    return pool_each(c, &k_window, eval_in(c, 0), y->dims, take_mean, &j);
}

static naru_status down19(lower_ctx *c, node *n) {
    window_drop_dilations(n, DILATIONS);
    return NARU_OK;
}

const op_desc op_AveragePool = {
    .name = "AveragePool",
    .versions = (const short[]){1, 7, 10, 11, 19, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16; dilations 19",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .down = (const down_adapter[]){{19, down19}, {0}},
};
