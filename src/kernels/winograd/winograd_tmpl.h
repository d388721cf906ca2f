/* SPDX-License-Identifier: MIT
 *
 * F(4x4, 3x3) over lanes.h: vectors run over channels. With points +-a, +-b, a = sqrt(1/2), b = sqrt(2):
 *
 *   B' s: s0 - 5/2 s2 + s4 | (s4 - 2 s2) +- a (s3 - 2 s1) | (s4 - s2 / 2) +- b (s3 - s1 / 2) | s1 - 5/2 s3 + s5
 *   A' s: s0 + P + Q | a p + b q | P / 2 + 2 Q | a p / 2 + 2 b q + s5    with P, p = s1 +- s2 and Q, q = s3 +- s4
 */
#include <stdbool.h>

#include "kernels/winograd/winograd.h"

#define WINO_FN static inline __attribute__((always_inline))

/* As in gemm_tmpl.h: the twin for tests keeps its loops, to be compiled quickly. */
#if defined(LANES_PORTABLE)
#define WINO_UNROLL(n)
#define WINO_BODY static __attribute__((noinline))
#else
#define WINO_UNROLL(n) WINO_PRAGMA(GCC unroll n)
#define WINO_PRAGMA(x) _Pragma(#x)
#define WINO_BODY      WINO_FN
#endif
#define WINO_A 0.70710678118654752440f
#define WINO_B 1.41421356237309504880f

/* Where the 36 matrices of V (or of the products) are. */
typedef struct planes {
    float *p;
    int64_t ld, matrix; /* floats between tiles, between matrices */
} planes;

WINO_FN vf load_lanes(const float *p, int n) { return n == VL ? v_load(p) : v_load_n(p, n); }
WINO_FN void store_lanes(float *p, vf v, int n) {
    if (n == VL) v_store(p, v);
    else v_store_n(p, v, n);
}

WINO_BODY void in6(vf d[6], const vf s[6]) {
    const vf a = v_set1(WINO_A), b = v_set1(WINO_B), two = v_set1(2.0f), half = v_set1(0.5f), k = v_set1(2.5f);
    vf e1 = v_fnma(two, s[2], s[4]), o1 = v_mul(a, v_fnma(two, s[1], s[3]));
    vf e2 = v_fnma(half, s[2], s[4]), o2 = v_mul(b, v_fnma(half, s[1], s[3]));
    d[0] = v_add(v_fnma(k, s[2], s[0]), s[4]);
    d[1] = v_add(e1, o1), d[2] = v_sub(e1, o1);
    d[3] = v_add(e2, o2), d[4] = v_sub(e2, o2);
    d[5] = v_add(v_fnma(k, s[3], s[1]), s[5]);
}

WINO_BODY void out4(vf d[4], const vf s[6]) {
    const vf half = v_set1(0.5f), two = v_set1(2.0f);
    vf p = v_add(s[1], s[2]), q = v_add(s[3], s[4]);
    vf pm = v_mul(v_set1(WINO_A), v_sub(s[1], s[2])), qm = v_mul(v_set1(WINO_B), v_sub(s[3], s[4]));
    d[0] = v_add(v_add(s[0], p), q);
    d[1] = v_add(pm, qm);
    d[2] = v_fma(half, p, v_mul(two, q));
    d[3] = v_add(v_fma(half, pm, v_mul(two, qm)), s[5]);
}

/* n channels of one tile whose first input pixel is (y0, x0); `inside`: all 36 are in the image. */
WINO_BODY void input_lanes(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, float *v, int64_t matrix,
                           const bool inside, const int n) {
    vf t[6][6];
    WINO_UNROLL(6)
    for (int j = 0; j < 6; j++) {
        vf s[6], d[6];
        WINO_UNROLL(6)
        for (int i = 0; i < 6; i++) {
            bool in = inside || (y0 + i >= 0 && y0 + i < a->h && x0 + j >= 0 && x0 + j < a->w);
            s[i] = in ? load_lanes(x + ((y0 + i) * a->w + x0 + j) * a->ldx, n) : v_set1(0.0f);
        }
        in6(d, s);
        WINO_UNROLL(6)
        for (int i = 0; i < 6; i++) t[i][j] = d[i];
    }
    WINO_UNROLL(6)
    for (int i = 0; i < 6; i++) {
        vf d[6];
        in6(d, t[i]);
        WINO_UNROLL(6)
        for (int j = 0; j < 6; j++) store_lanes(v + (6 * i + j) * matrix, d[j], n);
    }
}

static void input_inside(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, float *v, int64_t matrix) {
    for (int64_t c = 0; c + VL <= a->c; c += VL) input_lanes(a, x + c, y0, x0, v + c, matrix, true, VL);
}
static void input_border(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, float *v, int64_t matrix) {
    for (int64_t c = 0; c + VL <= a->c; c += VL) input_lanes(a, x + c, y0, x0, v + c, matrix, false, VL);
}
static __attribute__((noinline)) void input_rest(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, float *v,
                                                 int64_t matrix, int n) {
    input_lanes(a, x, y0, x0, v, matrix, false, n);
}

static void input_tile(const k_wino_args *a, const float *x, int64_t y0, int64_t x0, float *v, int64_t matrix) {
    bool inside = y0 >= 0 && x0 >= 0 && y0 + 6 <= a->h && x0 + 6 <= a->w;
    (inside ? input_inside : input_border)(a, x, y0, x0, v, matrix);
    int64_t c = a->c / VL * VL;
    if (c < a->c) input_rest(a, x + c, y0, x0, v + c, matrix, (int)(a->c - c));
}

/* n output channels of one tile: the first `rows` x `cols` of its pixels. */
WINO_BODY void output_lanes(const k_wino_args *a, const float *s, int64_t matrix, float *y, const float *bias,
                            const float *res, int rows, int cols, const int n) {
    vf t[4][6];
    WINO_UNROLL(6)
    for (int j = 0; j < 6; j++) {
        vf c[6], d[4];
        WINO_UNROLL(6)
        for (int i = 0; i < 6; i++) c[i] = load_lanes(s + (6 * i + j) * matrix, n);
        out4(d, c);
        WINO_UNROLL(4)
        for (int i = 0; i < 4; i++) t[i][j] = d[i];
    }
    vf b = bias ? load_lanes(bias, n) : v_set1(0.0f);
    const bool clip = a->act == K_ACT_CLIP;
    const vf lo = v_set1(a->p), hi = v_set1(a->q);
    WINO_UNROLL(4)
    for (int i = 0; i < 4; i++) {
        if (i >= rows) break;
        vf d[4];
        out4(d, t[i]);
        WINO_UNROLL(4)
        for (int j = 0; j < 4; j++) {
            if (j >= cols) break;
            int64_t at = i * a->ow + j;
            vf v = v_add(d[j], b);
            if (res) v = v_add(v, load_lanes(res + at * a->ldr, n));
            if (clip) v = v_min(hi, v_max(lo, v));
            store_lanes(y + at * a->ldy, v, n);
        }
    }
}

static void output_whole(const k_wino_args *a, const float *s, int64_t matrix, float *y, const float *res, int rows,
                         int cols) {
    for (int64_t m = 0; m + VL <= a->m; m += VL)
        output_lanes(a, s + m, matrix, y + m, a->bias ? a->bias + m : NULL, res ? res + m : NULL, rows, cols, VL);
}
static __attribute__((noinline)) void output_rest(const k_wino_args *a, const float *s, int64_t matrix, float *y,
                                                  const float *bias, const float *res, int rows, int cols, int n) {
    output_lanes(a, s, matrix, y, bias, res, rows, cols, n);
}

static void output_tile(const k_wino_args *a, const float *s, int64_t matrix, int64_t image, int64_t y0, int64_t x0) {
    int rows = a->oh - y0 < 4 ? (int)(a->oh - y0) : 4, cols = a->ow - x0 < 4 ? (int)(a->ow - x0) : 4;
    int64_t at = (image * a->oh + y0) * a->ow + x0, m = a->m / VL * VL;
    float *y = a->y + at * a->ldy;
    const float *res = a->residual ? a->residual + at * a->ldr : NULL;
    output_whole(a, s, matrix, y, res, rows, cols);
    if (m < a->m)
        output_rest(a, s + m, matrix, y + m, a->bias ? a->bias + m : NULL, res ? res + m : NULL, rows, cols,
                    (int)(a->m - m));
    for (int i = 0; i < rows && a->act > K_ACT_CLIP; i++)
        a->gemm->activate(y + i * a->ow * a->ldy, a->ldy, cols, a->m, a->act, a->p, a->q);
}

static void products(const k_wino_args *a, const planes *v, const planes *o, int64_t tiles, void *workspace) {
    int64_t panels = k_gemm_panels(a->gemm, a->m), matrix = k_gemm_packed_floats(a->gemm, a->m, a->c);
    for (int i = 0; i < 36; i++) {
        k_gemm_args g = {.kind = K_A_ROWS,
                         .a = v->p + i * v->matrix,
                         .lda = v->ld,
                         .b = a->u + i * matrix,
                         .m = tiles,
                         .n = a->m,
                         .k = a->c,
                         .c = o->p + i * o->matrix,
                         .ldc = o->ld};
        a->gemm->run(&g, 0, tiles, 0, panels, workspace);
    }
}

static planes planes_of(float *p, int64_t channels, int64_t block) {
    int64_t ld = (channels + 15) / 16 * 16 + 16;
    return (planes){p, ld, block * ld + 16};
}

static void FN(run)(const k_wino_args *a, int64_t t0, int64_t t1, void *workspace) {
    planes v = planes_of(workspace, a->c, a->block), o = planes_of(v.p + 36 * v.matrix, a->m, a->block);
    float *rest = o.p + 36 * o.matrix;
    int64_t columns = (a->ow + 3) / 4, per = k_wino_tiles(a);
    for (int64_t t = t0; t < t1; t += a->block) {
        int64_t n = t1 - t < a->block ? t1 - t : a->block;
        for (int64_t i = 0; i < n; i++) {
            int64_t image = (t + i) / per, ty = (t + i) % per / columns, tx = (t + i) % per % columns;
            input_tile(a, a->x + image * a->h * a->w * a->ldx, 4 * ty - a->pt, 4 * tx - a->pl, v.p + i * v.ld,
                       v.matrix);
        }
        products(a, &v, &o, n, rest);
        for (int64_t i = 0; i < n; i++) {
            int64_t image = (t + i) / per, ty = (t + i) % per / columns, tx = (t + i) % per % columns;
            output_tile(a, o.p + i * o.ld, o.matrix, image, 4 * ty, 4 * tx);
        }
    }
}
