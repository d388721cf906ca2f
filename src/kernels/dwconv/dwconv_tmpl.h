/* SPDX-License-Identifier: MIT
 *
 * Depthwise convolution over lanes.h. A vector of channels is held while the output row is walked in blocks of up to
 * BLOCK pixels: each weight is loaded once per block, so there are 1 + 1 / BLOCK loads for an FMA whatever the kernel's
 * size. Pixels whose kernel sticks out of the image at the left or right go one by one.
 */
#include "kernels/dwconv/dwconv.h"

#define DW_FN static inline __attribute__((always_inline))

/* As in gemm_tmpl.h: the twin for tests keeps its loops, to be compiled quickly. */
#if defined(LANES_PORTABLE)
#define DW_UNROLL(n)
#define DW_BODY static __attribute__((noinline))
#else
#define DW_UNROLL(n) DW_PRAGMA(GCC unroll n)
#define DW_PRAGMA(x) _Pragma(#x)
#define DW_BODY      DW_FN
#endif

enum { BLOCK = VREGS == 32 ? 8 : 4 };

/* The part of the kernel inside the image for one output pixel or block. */
typedef struct window {
    const float *x, *w; /* first tap */
    int64_t rows, cols; /* taps */
    int64_t xrow, xcol; /* floats between taps in x */
    int64_t wrow;       /* floats between kernel rows */
} window;

DW_FN vf load_lanes(const float *p, int n) { return n == VL ? v_load(p) : v_load_n(p, n); }

/* `count` neighbouring pixels, n channels at each; step: floats between the pixels' inputs. */
DW_BODY void block(const k_dw_args *a, const window *t, float *y, const float *res, const float *bias, int64_t step,
                   const int count, const int n) {
    vf acc[BLOCK];
    vf b = bias ? load_lanes(bias, n) : v_set1(0.0f);
    DW_UNROLL(8)
    for (int i = 0; i < count; i++) acc[i] = b;
    for (int64_t ky = 0; ky < t->rows; ky++) {
        const float *x = t->x + ky * t->xrow, *w = t->w + ky * t->wrow;
        for (int64_t kx = 0; kx < t->cols; kx++, x += t->xcol, w += a->c) {
            vf wv = load_lanes(w, n);
            DW_UNROLL(8)
            for (int i = 0; i < count; i++) acc[i] = v_fma(load_lanes(x + i * step, n), wv, acc[i]);
        }
    }
    DW_UNROLL(8)
    for (int i = 0; i < count; i++) {
        vf v = acc[i];
        if (res) v = v_add(v, load_lanes(res + i * a->ldr, n));
        if (a->clip) v = v_min(v_set1(a->hi), v_max(v_set1(a->lo), v));
        if (n == VL) v_store(y + i * a->ldy, v);
        else v_store_n(y + i * a->ldy, v, n);
    }
}

/* Taps k in [lo, hi) with 0 <= start + k * d < len. */
DW_FN void inside(int64_t start, int64_t k, int64_t d, int64_t len, int64_t *lo, int64_t *hi) {
    *lo = start < 0 ? (-start + d - 1) / d : 0;
    *hi = start >= len ? 0 : (len - start + d - 1) / d;
    if (*hi > k) *hi = k;
    if (*lo > *hi) *lo = *hi;
}

/* Pixels [x0, x1) of one output row, n channels from c; `whole`: their kernels lie inside the image. */
DW_BODY void pixels(const k_dw_args *a, window t, float *y, const float *res, const float *bias, int64_t x0, int64_t x1,
                    int64_t base, const bool whole, const int n) {
    const float *x = t.x, *w = t.w;
    for (int64_t ox = x0; ox < x1;) {
        int64_t at = ox * a->sw - a->pl, lo = 0, hi = a->kw;
        if (!whole) inside(at, a->kw, a->dw, a->wd, &lo, &hi);
        t.x = x + (at + lo * a->dw) * a->ldx, t.w = w + lo * a->c, t.cols = hi - lo;
        float *to = y + ox * a->ldy;
        const float *add = res ? res + ox * a->ldr : NULL;
        if (whole && x1 - ox >= BLOCK) block(a, &t, to, add, bias, base, BLOCK, n), ox += BLOCK;
        else if (whole && x1 - ox >= 4) block(a, &t, to, add, bias, base, 4, n), ox += 4;
        else if (whole && x1 - ox >= 2) block(a, &t, to, add, bias, base, 2, n), ox += 2;
        else block(a, &t, to, add, bias, base, 1, n), ox++;
    }
}

DW_FN void row_lanes(const k_dw_args *a, const window *t, float *y, const float *res, int64_t x0, int64_t x1, int64_t c,
                     const int n) {
    window v = *t;
    v.x += c, v.w += c;
    const float *bias = a->bias ? a->bias + c : NULL;
    int64_t step = a->sw * a->ldx;
    y += c;
    if (res) res += c;
    pixels(a, v, y, res, bias, 0, x0, step, false, n);
    pixels(a, v, y, res, bias, x0, x1, step, true, n);
    pixels(a, v, y, res, bias, x1, a->ow, step, false, n);
}

static void full_lanes(const k_dw_args *a, const window *t, float *y, const float *res, int64_t x0, int64_t x1,
                       int64_t c) {
    row_lanes(a, t, y, res, x0, x1, c, VL);
}

/* The last channels, fewer than a vector: lanes are counted at run time. */
static __attribute__((noinline)) void some_lanes(const k_dw_args *a, const window *t, float *y, const float *res,
                                                 int64_t x0, int64_t x1, int64_t c, int n) {
    row_lanes(a, t, y, res, x0, x1, c, n);
}

/* Output columns [x0, x1) whose kernels lie inside the image. */
static void whole_columns(const k_dw_args *a, int64_t *x0, int64_t *x1) {
    int64_t reach = (a->kw - 1) * a->dw;
    int64_t first = a->pl > 0 ? (a->pl + a->sw - 1) / a->sw : 0;
    int64_t room = a->wd - 1 - reach + a->pl; /* ox * sw <= room */
    int64_t last = room < 0 ? 0 : room / a->sw + 1;
    *x1 = last < a->ow ? last : a->ow;
    *x0 = first < *x1 ? first : *x1;
}

static void FN(run)(const k_dw_args *a, int64_t begin, int64_t end) {
    int64_t x0, x1;
    whole_columns(a, &x0, &x1);
    for (int64_t r = begin; r < end; r++) {
        int64_t at = r % a->oh * a->sh - a->pt, lo, hi;
        inside(at, a->kh, a->dh, a->h, &lo, &hi);
        const float *image = a->x + r / a->oh * a->h * a->wd * a->ldx;
        window t = {.x = image + (at + lo * a->dh) * a->wd * a->ldx,
                    .w = a->w + lo * a->kw * a->c,
                    .rows = hi - lo,
                    .xrow = a->dh * a->wd * a->ldx,
                    .xcol = a->dw * a->ldx,
                    .wrow = a->kw * a->c};
        float *y = a->y + r * a->ow * a->ldy;
        const float *res = a->residual ? a->residual + r * a->ow * a->ldr : NULL;
        int64_t c = 0;
        for (; c + VL <= a->c; c += VL) full_lanes(a, &t, y, res, x0, x1, c);
        if (c < a->c) some_lanes(a, &t, y, res, x0, x1, c, (int)(a->c - c));
    }
}
