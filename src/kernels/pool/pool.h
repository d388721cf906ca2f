/* SPDX-License-Identifier: MIT
 *
 * Max and average pooling in FP32 over 2-D images (1-D: h = 1; 3-D pooling is the reference evaluator's).
 *
 *   y[oy][ox] = max or mean of x[oy * sh - pt + ky * dh][ox * sw - pl + kx * dw], 0 <= ky < kh, 0 <= kx < kw,
 * over the taps inside the image. The mean divides by the number of taps inside the image, or, with include_pad, inside
 * the image with its pads (ceil mode's taps past the end pad never count). An output without taps is -inf, or 0.
 * Max: a NaN wins.
 *
 * nchw(): planes [begin, end), each h * w dense -> oh * ow. Workspace: k_pool_workspace(p) bytes.
 * nhwc(): output rows [begin, end) of the flattened [n, oh]; a row is ow pixels. x has n images of h * w pixels.
 */
#ifndef KERNELS_POOL_H
#define KERNELS_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

typedef struct k_pool_args {
    int64_t h, w, c, oh, ow;        /* c: nhwc only */
    int64_t ldx, ldy;               /* nhwc only: floats between pixels of x and y */
    int64_t kh, kw, sh, sw, dh, dw; /* kernel, stride, dilation */
    int64_t pt, pl, pb, pr;         /* pads: top, left, bottom, right */
    bool average, include_pad;
} k_pool_args;

static inline int64_t k_pool_workspace(const k_pool_args *p) {
    return (p->w + (p->kw - 1) * p->dw + p->pl + p->pr + p->ow * p->sw + 64) * (int64_t)sizeof(float);
}

typedef struct k_pool {
    void (*nchw)(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace);
    void (*nhwc)(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end);
} k_pool;

#define KERNEL(level, symbol) extern const k_pool symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/pool/pool.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_pool *k_pool_pick(cpu_level level);

/* Taps k in [lo, hi) of one axis whose position start + k * d is inside [0, len). */
static inline void k_pool_taps(int64_t start, int64_t k, int64_t d, int64_t len, int64_t *lo, int64_t *hi) {
    *lo = 0, *hi = k;
    if (start >= 0 && start + (k - 1) * d < len) return; /* no division where all are inside */
    int64_t l = start < 0 ? (-start + d - 1) / d : 0;
    int64_t h = start >= len ? 0 : (len - start + d - 1) / d;
    *lo = l < k ? l : k;
    *hi = h < k ? h : k;
    if (*hi < *lo) *hi = *lo;
}

/* Divisor's factor of one axis: taps inside the image, or inside image and pads. */
static inline int64_t k_pool_count(int64_t start, int64_t k, int64_t d, int64_t len, int64_t before, int64_t after,
                                   bool include_pad) {
    int64_t lo, hi;
    if (include_pad) k_pool_taps(start + before, k, d, len + before + after, &lo, &hi);
    else k_pool_taps(start, k, d, len, &lo, &hi);
    return hi - lo;
}

#endif
