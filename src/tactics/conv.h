/* SPDX-License-Identifier: MIT
 *
 * What the ways to run a convolution share: its sizes, and moving images between channels-first and channels-last.
 */
#ifndef TACTICS_CONV_H
#define TACTICS_CONV_H

#include "kernels/gemm/gemm.h"
#include "tactics/tactic.h"

/* Sizes of one Conv; spatial dims are the last `axes` of the three in v. */
typedef struct conv_shape {
    int axes;
    bool last;                           /* channels last, else first */
    int64_t n, c, m, group;              /* images, channels in and out */
    k_conv_geom v;                       /* of one group */
    int64_t in_pixels, out_pixels, taps; /* per image */
} conv_shape;

/* dims of X, W, Y. */
conv_shape conv_shape_of(const node *n, const int64_t *x, const int64_t *w, const int64_t *y, int rank, bool last);

/* A picture of `n` images, c channels, d[0] x d[1] x d[2] pixels: where element (image, channel, z, y, x) is. */
typedef struct image_layout {
    int64_t image, channel, axis[3];
} image_layout;
image_layout layout_first(int64_t c, const int64_t *d);
image_layout layout_last(int64_t c, const int64_t *d);
void layout_copy(const run_ctx *r, float *dst, image_layout to, const float *src, image_layout from, int64_t n,
                 int64_t c, const int64_t *d);

#endif
