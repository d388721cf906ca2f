/* SPDX-License-Identifier: MIT
 *
 * Sliding windows: the attributes kernel_shape, strides, dilations, pads, auto_pad and ceil_mode that convolution and
 * pooling share, and what they mean for output sizes and padding.
 *
 *   extent e = dilation * (kernel - 1) + 1
 *   out = floor((in + begin + end - e) / stride) + 1; with ceil_mode the ceiling, less a last window that would start
 *         at or beyond in + begin (inside the end padding)
 *   SAME_UPPER, SAME_LOWER: out = ceil(in / stride), padding max(0, (out - 1) * stride + e - in) in all, the odd one at
 *         the end (UPPER) or at the beginning (LOWER); VALID: no padding
 */
#ifndef OPS_UTIL_POOL_H
#define OPS_UTIL_POOL_H

#include "ops/op.h"

enum { WINDOW_AXES = NARU_MAX_RANK };
typedef enum window_auto { PAD_NOTSET, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } window_auto;

typedef struct window {
    int n; /* spatial axes */
    int64_t kernel[WINDOW_AXES], stride[WINDOW_AXES], dilation[WINDOW_AXES], begin[WINDOW_AXES], end[WINDOW_AXES];
    window_auto auto_pad;
    bool ceil;
} window;

/* Indices of the attributes in an op's table; -1: the op has no such attribute. */
typedef struct window_attrs {
    int kernel, strides, dilations, pads, auto_pad, ceil;
} window_attrs;

/* Fills w for n spatial axes; kernel sizes absent from the node stay 0. Bad lengths and values are errors. */
naru_status window_read(const node *n, const window_attrs *a, int spatial, window *w, naru_error *err);
static inline int64_t window_extent(const window *w, int d) { return w->dilation[d] * (w->kernel[d] - 1) + 1; }
/* Output size along axis d (kernel[d] known). */
naru_status window_out(const window *w, int d, dim_t in, symtab *syms, dim_t *out, naru_error *err);
/* Replaces auto_pad by the begin and end padding that it means for these input sizes. */
void window_resolve(window *w, const int64_t *in);
/* For lowering: dilations of 1 go, they are what there was before the attribute. */
void window_drop_dilations(node *n, int dilations);

/* The sizes of a pooling op's output: [N, C, window_out...] of input 0. Unknown rank gives unknown rank. */
naru_status pool_infer(infer_ctx *c, const window_attrs *a, dim_t *dims, int *rank);

/* Calls fn once per plane (n, c) and output position with the window's in-bounds elements listed. */
typedef struct pool_cell {
    const double *x;       /* the input plane */
    const int64_t *offset; /* offsets in the plane of the elements inside the input */
    int64_t count;         /* how many of them */
    int64_t padded;        /* positions inside the padded input: `count` plus padding */
    int64_t plane, out;    /* plane number and flat output position in it */
} pool_cell;
typedef void (*pool_fn)(const pool_cell *cell, void *user);
naru_status pool_each(eval_ctx *c, const window_attrs *a, const naru_tensor *x, const int64_t *out_dims, pool_fn fn,
                      void *user);

#endif
