/* SPDX-License-Identifier: MIT
 *
 * MaxPool: Y[n,c,o] = max over the window of X[n,c,o stride + k dilation - pad]; padding never wins. [ONNX MaxPool-22]
 *
 * Shapes: X [N, C, D...] -> Y, Indices [N, C, O...], O as in util_pool.h. Indices are flat positions in the whole of X
 * (row-major over N, C and space; storage_order 1: space column-major) of the first maximum.
 * Types: floats, int8, uint8; Indices int64. Versions: 1, 8 (Indices, storage_order), 10 (ceil_mode, dilations), 11, 12
 * (8-bit integers), 22. Edge cases: NaN wins (and stays NaN); a window wholly in the padding gives -infinity (integers:
 * the lowest value) and index -1.
 */
#include <math.h>

#include "ops/util_pool.h"
#include "tensor/dtype.h"

enum { AUTO_PAD, CEIL_MODE, DILATIONS, KERNEL_SHAPE, PADS, STORAGE_ORDER, STRIDES };
static const attr_def attrs[] = {
    ATTR_S("auto_pad", "NOTSET"),     ATTR_I("ceil_mode", 0),
    ATTR_OPT("dilations", ATTR_INTS), ATTR_REQ("kernel_shape", ATTR_INTS),
    ATTR_OPT("pads", ATTR_INTS),      ATTR_I("storage_order", 0),
    ATTR_OPT("strides", ATTR_INTS),   {0},
};
static const window_attrs k_window = {KERNEL_SHAPE, STRIDES, DILATIONS, PADS, AUTO_PAD, CEIL_MODE};

static naru_status infer(infer_ctx *c) {
    dim_t dims[NARU_MAX_RANK];
    int rank;
    TRY(pool_infer(c, &k_window, dims, &rank));
    out_tensor(c, 0, in_dtype(c, 0), rank, dims);
    out_tensor(c, 1, NARU_INT64, rank, dims);
    return NARU_OK;
}

typedef struct job {
    naru_tensor *y;
    int64_t *indices; /* NULL: not wanted */
    int64_t in_plane, out_plane;
    const naru_tensor *x;
    bool column_major;
    double lowest;
} job;

/* Flat row-major position in the plane -> column-major one. */
static int64_t to_column_major(const naru_tensor *x, int64_t flat) {
    int64_t at[NARU_MAX_RANK], out = 0;
    for (int d = x->rank - 1; d >= 2; d--) at[d] = flat % x->dims[d], flat /= x->dims[d];
    for (int d = x->rank - 1; d >= 2; d--) out = out * x->dims[d] + at[d];
    return out;
}

static void take_max(const pool_cell *p, void *user) {
    job *j = user;
    int64_t best = -1;
    for (int64_t i = 0; i < p->count; i++) {
        double v = p->x[p->offset[i]];
        if (best < 0 || v > p->x[best] || (v != v && p->x[best] == p->x[best])) best = p->offset[i];
    }
    double v = best < 0 ? j->lowest : p->x[best];
    int64_t at = p->plane * j->out_plane + p->out;
    dtype_write_f64(j->y->dtype, j->y->data, at, 1, &v, false);
    if (j->indices)
        j->indices[at] =
            best < 0 ? -1 : p->plane * j->in_plane + (j->column_major ? to_column_major(j->x, best) : best);
}

static naru_status eval(eval_ctx *c) {
    const naru_tensor *x = eval_in(c, 0);
    dim_t dims[NARU_MAX_RANK];
    naru_tensor *y = eval_out(c, 0), *indices = eval_out(c, 1);
    if (!y && !indices) return NARU_OK;
    job j = {.y = y, .indices = indices ? indices->data : NULL, .in_plane = 1, .out_plane = 1, .x = x};
    j.column_major = node_i(c->node, STORAGE_ORDER) == 1;
    j.lowest = dtype_is_int(x->dtype) ? (double)dtype_int_min(x->dtype) : -INFINITY;
    for (int d = 0; d < x->rank; d++) {
        dims[d] = (y ? y : indices)->dims[d];
        if (d >= 2) j.in_plane *= x->dims[d], j.out_plane *= dims[d];
    }
    naru_tensor sink;
    if (!y) { /* only the indices are wanted */
        tensor_describe(&sink, x->dtype, x->rank, dims);
        sink.data = eval_scratch(c, tensor_bytes(&sink));
        if (!sink.data) return NARU_OUT_OF_MEMORY;
        j.y = &sink;
    }
    return pool_each(c, &k_window, x, dims, take_max, &j);
}

const op_desc op_MaxPool = {
    .name = "MaxPool",
    .versions = (const short[]){1, 8, 10, 11, 12, 22, 0},
    .sig = "X:T -> Y:T, Indices:I? | T = float int8 uint8; I = int64",
    .since = "T 22 bfloat16",
    .attrs = attrs,
    .infer = infer,
    .eval = eval,
};
