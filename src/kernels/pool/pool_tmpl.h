/* SPDX-License-Identifier: MIT
 *
 * Pooling over lanes.h. NHWC: vectors along channels, taps innermost. NCHW: the kernel's rows are first folded into one
 * row (vectors along the width) in the workspace with the neutral element in its pads, then its columns are folded.
 */
#include "kernels/pool/pool.h"
#include "kernels/vmath.h"

static inline __attribute__((always_inline)) vf FN(fold)(bool average, vf a, vf b) {
    return average ? v_add(a, b) : v_max_nan(a, b);
}

/* 1 / number of taps that the mean divides by, at output (oy, ox); 0 where there are none. */
static float FN(share)(const k_pool_args *p, int64_t oy, int64_t ox) {
    int64_t ny = k_pool_count(oy * p->sh - p->pt, p->kh, p->dh, p->h, p->pt, p->pb, p->include_pad);
    int64_t nx = k_pool_count(ox * p->sw - p->pl, p->kw, p->dw, p->w, p->pl, p->pr, p->include_pad);
    return ny * nx > 0 ? 1.0f / (float)(ny * nx) : 0.0f;
}

/* W vectors (the last masked to k lanes) of one NHWC output pixel; x at the image's (0, 0) and the channel. */
static inline __attribute__((always_inline)) void FN(pixel)(bool average, const k_pool_args *p, float *y,
                                                            const float *x, const int64_t *tap, float share, int64_t iy,
                                                            int64_t ix, const int W, int64_t k) {
    vf acc[4], scale = v_set1(share);
#pragma GCC unroll 4
    for (int w = 0; w < W; w++) acc[w] = v_set1(average ? 0.0f : -INFINITY);
    for (int64_t ky = tap[0]; ky < tap[1]; ky++) {
        const float *row = x + (iy + ky * p->dh) * p->w * p->ldx;
        for (int64_t kx = tap[2]; kx < tap[3]; kx++) {
            const float *px = row + (ix + kx * p->dw) * p->ldx;
#pragma GCC unroll 4
            for (int w = 0; w < W; w++)
                acc[w] = FN(fold)(average, acc[w], k < VL ? v_load_n(px, k) : v_load(px + w * VL));
        }
    }
#pragma GCC unroll 4
    for (int w = 0; w < W; w++) {
        vf v = average ? v_mul(acc[w], scale) : acc[w];
        if (k < VL) v_store_n(y, v, k);
        else v_store(y + w * VL, v);
    }
}

static inline __attribute__((always_inline)) void FN(nhwc_row)(bool average, const k_pool_args *p, float *y,
                                                               const float *x, int64_t oy) {
    int64_t iy = oy * p->sh - p->pt, tap[4];
    k_pool_taps(iy, p->kh, p->dh, p->h, &tap[0], &tap[1]);
    for (int64_t ox = 0; ox < p->ow; ox++) {
        int64_t ix = ox * p->sw - p->pl, c = 0;
        k_pool_taps(ix, p->kw, p->dw, p->w, &tap[2], &tap[3]);
        float share = average ? FN(share)(p, oy, ox) : 0.0f, *out = y + ox * p->ldy;
        for (; c + 4 * VL <= p->c; c += 4 * VL) FN(pixel)(average, p, out + c, x + c, tap, share, iy, ix, 4, VL);
        for (; c + VL <= p->c; c += VL) FN(pixel)(average, p, out + c, x + c, tap, share, iy, ix, 1, VL);
        if (c < p->c) FN(pixel)(average, p, out + c, x + c, tap, share, iy, ix, 1, p->c - c);
    }
}

static void FN(nhwc)(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        const float *image = x + r / p->oh * p->h * p->w * p->ldx;
        if (p->average) FN(nhwc_row)(true, p, y + r * p->ow * p->ldy, image, r % p->oh);
        else FN(nhwc_row)(false, p, y + r * p->ow * p->ldy, image, r % p->oh);
    }
}

/* row[0..w) = fold over the kernel's rows [tap0, tap1). */
static inline __attribute__((always_inline)) void
FN(fold_rows)(bool average, const k_pool_args *p, float *row, const float *x, int64_t iy, int64_t tap0, int64_t tap1) {
    for (int64_t i = 0; i < p->w; i += VL) {
        int64_t k = p->w - i < VL ? p->w - i : VL;
        vf acc = v_set1(average ? 0.0f : -INFINITY);
        for (int64_t ky = tap0; ky < tap1; ky++) {
            const float *src = x + (iy + ky * p->dh) * p->w + i;
            acc = FN(fold)(average, acc, k < VL ? v_load_n(src, k) : v_load(src));
        }
        if (k < VL) v_store_n(row + i, acc, k);
        else v_store(row + i, acc);
    }
}

/* VL outputs from row[ox * sw ..], sw = 1 or 2. The last ones may read past the taps: the workspace has room. */
static inline __attribute__((always_inline)) vf FN(outputs)(bool average, const k_pool_args *p, const float *s,
                                                            int sw) {
    vf acc = sw == 1 ? v_load(s) : v_even(v_load(s), v_load(s + VL));
    for (int64_t kx = 1; kx < p->kw; kx++) {
        const float *t = s + kx * p->dw;
        acc = FN(fold)(average, acc, sw == 1 ? v_load(t) : v_even(v_load(t), v_load(t + VL)));
    }
    return acc;
}

static inline __attribute__((always_inline)) void FN(fold_dense)(bool average, const k_pool_args *p, float *y,
                                                                 const float *row, int sw) {
    int64_t ox = 0;
    for (; ox + VL <= p->ow; ox += VL) v_store(y + ox, FN(outputs)(average, p, row + ox * sw, sw));
    if (ox < p->ow) v_store_n(y + ox, FN(outputs)(average, p, row + ox * sw, sw), p->ow - ox);
}

/* y[ox] = fold of row[ox * sw + kx * dw] over kx. */
static inline __attribute__((always_inline)) void FN(fold_columns)(bool average, const k_pool_args *p, float *y,
                                                                   const float *row) {
    if (p->sw == 1) FN(fold_dense)(average, p, y, row, 1);
    else if (p->sw == 2) FN(fold_dense)(average, p, y, row, 2);
    else
        for (int64_t ox = 0; ox < p->ow; ox++) {
            const float *s = row + ox * p->sw;
            float a = s[0];
            for (int64_t kx = 1; kx < p->kw; kx++) {
                float b = s[kx * p->dw];
                if (average) a += b;
                else a = a != a || a > b ? a : b;
            }
            y[ox] = a;
        }
}

/* One row of sums becomes means; the outputs whose taps are all inside share a divisor. */
static void FN(divide)(const k_pool_args *p, float *y, int64_t oy) {
    int64_t ny = k_pool_count(oy * p->sh - p->pt, p->kh, p->dh, p->h, p->pt, p->pb, p->include_pad);
    int64_t reach = p->w - 1 - (p->kw - 1) * p->dw + p->pl; /* largest ox * sw with all taps inside */
    int64_t a = (p->pl + p->sw - 1) / p->sw, b = reach < 0 ? 0 : reach / p->sw + 1;
    if (b > p->ow) b = p->ow;
    float inside = ny ? 1.0f / (float)(ny * p->kw) : 0.0f;
    for (int64_t ox = a; ox < b; ox++) y[ox] *= inside;
    for (int64_t ox = 0; ox < p->ow; ox++) {
        if (ox == a && b > a) ox = b;
        if (ox >= p->ow) break;
        int64_t nx = k_pool_count(ox * p->sw - p->pl, p->kw, p->dw, p->w, p->pl, p->pr, p->include_pad);
        y[ox] *= ny * nx > 0 ? 1.0f / (float)(ny * nx) : 0.0f;
    }
}

static inline __attribute__((always_inline)) void FN(plane)(bool average, const k_pool_args *p, float *y,
                                                            const float *x, float *row) {
    int64_t reach = (p->ow - 1) * p->sw + (p->kw - 1) * p->dw + 1, total = p->pl + p->w; /* floats of the padded row */
    if (total < reach) total = reach;
    for (int64_t i = 0; i < total; i++) row[i] = average ? 0.0f : -INFINITY;
    for (int64_t oy = 0; oy < p->oh; oy++) {
        int64_t iy = oy * p->sh - p->pt, tap0, tap1;
        k_pool_taps(iy, p->kh, p->dh, p->h, &tap0, &tap1);
        FN(fold_rows)(average, p, row + p->pl, x, iy, tap0, tap1);
        FN(fold_columns)(average, p, y + oy * p->ow, row);
        if (average) FN(divide)(p, y + oy * p->ow, oy);
    }
}

static void FN(nchw)(const k_pool_args *p, float *y, const float *x, int64_t begin, int64_t end, void *workspace) {
    for (int64_t c = begin; c < end; c++) {
        float *out = y + c * p->oh * p->ow;
        const float *in = x + c * p->h * p->w;
        if (p->average) FN(plane)(true, p, out, in, workspace);
        else FN(plane)(false, p, out, in, workspace);
    }
}
