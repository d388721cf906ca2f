/* SPDX-License-Identifier: MIT
 *
 * LpPool: Y[n,c,o] = (sum over the window of |X|^p)^(1/p); padding counts as 0. [ONNX LpPool-22]
 *
 * Shapes: X [N, C, D...] -> Y [N, C, O...], O as in util_pool.h. Types: floats. Versions: 1 (p a float, kernel_shape
 * optional), 2 (p an int), 11, 18 (ceil_mode, dilations), 22. Edge cases: a window wholly in the padding gives 0.
 */
#include <math.h>

#include "ops/util_pool.h"
#include "tensor/dtype.h"
#include "ops/util_lower.h"

enum { AUTO_PAD, CEIL_MODE, DILATIONS, KERNEL_SHAPE, P, PADS, STRIDES };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),
    ATTR_I("ceil_mode", 0),
    ATTR_OPT("dilations", ATTR_INTS),
    ATTR_REQ("kernel_shape", ATTR_INTS),
    ATTR_I("p", 2),
    ATTR_OPT("pads", ATTR_INTS),
    ATTR_OPT("strides", ATTR_INTS),
    {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, AUTO_PAD, CEIL_MODE};

static naru_status infer(infer_ctx *c) {
    dim_t dims[NARU_MAX_RANK];
    int rank;
    if (node_i(c->node, P) < 1)
        return op_fail(c, NARU_BAD_MODEL, "attribute 'p' is %lld", (long long)node_i(c->node, P));
    TRY(pool_infer(c, &k_window, dims, &rank));
    out_tensor(c, 0, in_dtype(c, 0), rank, dims);
    return NARU_OK;
}

typedef struct job {
    naru_tensor *y;
    int64_t out_plane;
    double p;
} job;

static void take_norm(const pool_cell *cell, void *user) {
    job *j = user;
    double sum = 0;
    for (int64_t i = 0; i < cell->count; i++) sum += pow(fabs(cell->x[cell->offset[i]]), j->p);
    double v = pow(sum, 1 / j->p);
    dtype_write_f64(j->y->dtype, j->y->data, cell->plane * j->out_plane + cell->out, 1, &v, false);
}

static naru_status eval(eval_ctx *c) {
    naru_tensor *y = eval_out(c, 0);
    if (!y) return NARU_OK;
    job j = {y, 1, (double)node_i(c->node, P)};
    for (int d = 2; d < y->rank; d++) j.out_plane *= y->dims[d];
    return pool_each(c, &k_window, eval_in(c, 0), y->dims, take_norm, &j);
}

/* p was a float, 2 by default. */
static naru_status up2(lift_ctx *c, node *n) {
    attr *p = node_attr(n, "p");
    if (!p || p->kind != ATTR_FLOAT) return NARU_OK;
    float f = p->f;
    if (!(f >= 1 && f < 1e9f && f == (float)(int64_t)f))
        return err_set(c->err, NARU_UNSUPPORTED, "attribute 'p' is %g: only whole numbers have a meaning since opset 2",
                       (double)f);
    p->kind = ATTR_INT;
    p->i = (int64_t)f;
    return NARU_OK;
}

static naru_status down18(lower_ctx *c, node *n) {
    window_drop_dilations(n, DILATIONS);
    return NARU_OK;
}

const op_desc op_LpPool = {
    .name = "LpPool",
    .versions = (const short[]){1, 2, 11, 18, 22, 0},
    .sig = "X:T -> Y:T | T = float",
    .since = "T 22 bfloat16; ceil_mode 18; dilations 18",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
    .adapters = (const adapter[]){{2, up2}, {0}},
    .down = (const down_adapter[]){{18, down18}, {0}},
};
