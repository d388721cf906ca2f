/* SPDX-License-Identifier: MIT
 *
 * Separable resampling of 2-D images: every output row is a weighted sum of ty source rows, every output column of tx
 * source columns, given by tables that the caller computes once (any coordinate mode, linear, cubic, antialiased):
 *
 *   y[oy][ox][c] = sum_a sum_b wy[oy * ty + a] * wx[ox * tx + b] * x[iy[oy * ty + a]][ix[ox * tx + b]][c]
 *
 * Images are dense [h, w, c]; c = 1 serves NCHW (an image per plane). Columns are resampled first; rows so made are
 * kept while the following output rows use them. Indices are in range; weights are used as they are.
 *
 * taps():    FP32; output rows [begin, end) of the flattened [images, oh]. Workspace: k_resize_workspace(p) bytes.
 * k_resize_nearest(): tx = ty = 1 without weights, elements of `size` bytes: a copy.
 */
#ifndef KERNELS_RESIZE_H
#define KERNELS_RESIZE_H

#include <stdint.h>

#include "base/cpu.h"

typedef struct k_resize_args {
    int64_t h, w, c, oh, ow;
    int64_t tx, ty;
    const int32_t *ix, *iy;
    const float *wx, *wy;
} k_resize_args;

static inline int64_t k_resize_workspace(const k_resize_args *p) {
    return p->ty * (p->ow * p->c * (int64_t)sizeof(float) + (int64_t)sizeof(int64_t)) + 64;
}

typedef struct k_resize {
    void (*taps)(const k_resize_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace);
} k_resize;

void k_resize_nearest(const k_resize_args *p, void *y, const void *x, int64_t begin, int64_t end, int size);

#define KERNEL(level, symbol) extern const k_resize symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/resize/resize.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_resize *k_resize_pick(cpu_level level);

#endif
