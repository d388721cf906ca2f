/* SPDX-License-Identifier: MIT
 *
 * The product over lanes.h, with FP32 or narrower operands (kernels/gemm16). Two layers:
 *
 *   tile    mr x (nv * VL) accumulators in registers; A rows lda apart are broadcast, B comes from a packed panel.
 *           A may be cut into nseg pieces of k elements, `seg` apart (the kernel rows of a convolution read in place).
 *   run     chunks of B: K blocks of at most KC by a few panels; inside, row tiles of A. A tile is read in place when
 *           the panels are few or its rows do not collide in L1, else copied to the workspace (L1) and used for all
 *           panels of the chunk. While a chunk is used the next one is fetched into L2, a share by each row tile:
 *           weights larger than the caches then cost little more than small ones.
 *
 * Register budget: MR x 2 accumulators + 2 of B + 1 of A. 14 x 2 fills the 32 registers of AVX-512, 6 x 2 the 16 of
 * AVX2.
 *
 * An instance of narrower operands defines before it includes this: GEMM_FORM, how B is packed; GEMM_TILE, the header
 * with tile_body and tile_row for it; GEMM_A, unless float, the elements of A's tiles, which are then always copied, by
 * the header's a_of, copy_a and zero_a; GEMM_STEP, elements along k that B keeps together, unless 1; GEMM_MR and
 * GEMM_PANEL, a panel's width in vectors, where the tile's size differs; GEMM_PAD, to a multiple of which copied rows
 * of A are padded with zeros, unless GEMM_STEP; GEMM_KC, unless the depth of all; GEMM_RUN_TILE(t, mr), where the
 * header's tile takes any mr at run time; GEMM_ENTER and GEMM_LEAVE, around a run; GEMM_PUT_A(p, x), where an element
 * of A's tiles is not a_of's alone.
 */
#include "base/mem.h"
#include "kernels/gemm/gemm.h"
#include "kernels/vmath.h"

#include <stdbool.h>

#if !defined(GEMM_TILE)
#define GEMM_TILE "kernels/gemm/gemm_tile.h"
#define GEMM_FORM K_B_F32
#endif
#if !defined(GEMM_A)
#define GEMM_A     float
#define GEMM_AS_IS true
#else
#define GEMM_AS_IS false
#endif
#if !defined(GEMM_STEP)
#define GEMM_STEP 1
#endif
#if !defined(GEMM_KC)
#define GEMM_KC K_GEMM_KC
#endif
#if !defined(GEMM_PUT_A)
#define GEMM_PUT_A(p, x) *(p) = a_of(x)
#endif
#if !defined(GEMM_PAD)
#define GEMM_PAD GEMM_STEP
#endif
#if !defined(GEMM_ENTER)
#define GEMM_ENTER ((void)0)
#define GEMM_LEAVE ((void)0)
#endif
#if !defined(GEMM_MR)
#if defined(LANES_PORTABLE) ? LANES_PORTABLE == 16 : defined(__AVX512F__)
#define GEMM_MR 14
#else
#define GEMM_MR 6
#endif
#endif
#if !defined(GEMM_PANEL)
#define GEMM_PANEL 2
#endif

#define GEMM_FN static inline __attribute__((always_inline))

/* The twin for tests runs the same loops with their bounds at run time: it is to be compiled quickly, not to be fast.
 */
#if defined(LANES_PORTABLE)
#define GEMM_UNROLL(n)
#define GEMM_BODY static __attribute__((noinline))
#else
#define GEMM_UNROLL(n) GEMM_PRAGMA(GCC unroll n)
#define GEMM_PRAGMA(x) _Pragma(#x)
#define GEMM_BODY      GEMM_FN
#endif

enum { NV = 2, MR = GEMM_MR, NR = GEMM_PANEL * VL, KC = GEMM_KC };
enum { CHAIN = 192 }; /* products to a sum: see hold() */
enum {
    STEP = GEMM_STEP,
    STEP_BYTES = NR * (GEMM_FORM == K_B_FP16     ? 2
                       : GEMM_FORM == K_B_PIECES ? 12
                                                 : 4)
}; /* a row of a panel: STEP along k */

typedef GEMM_A a_elem;
typedef struct tile {
    const a_elem *a;
    int64_t lda, seg, nseg, k; /* k: elements per segment; of more than one segment, whole steps */
    const void *b;
    float *c;
    int64_t ldc;
    const float *bias, *res; /* of the tile's first column; NULL: none. res comes in with the first K block, before C
                                (perhaps the same memory) is overwritten; bias with the last */
    int64_t ldr;
    int n;            /* columns to store */
    bool first, clip; /* first K block: C is not read */
    float lo, hi;
    const k_gemm_args *g; /* and where in it the tile is, for who has to look again */
    int64_t row, col, k0;
    const char
        *ahead; /* what will be needed next of B: each STEP fetches the line here into L2 and goes on by `pace` */
    int64_t pace;
    int64_t chain; /* products to a sum, at most CHAIN */
    float *held;   /* MR x NR floats for sums that are complete */
} tile;

/* A row of a tile, its sums in memory: c = clip(sum + c + bias + res). */
static __attribute__((noinline, unused)) void store_row(const tile *t, int i, const float *sums) {
    float *c = t->c + i * t->ldc;
    const float *res = t->res ? t->res + i * t->ldr : NULL;
    for (int j = 0; j < t->n; j += VL) {
        int n = t->n - j < VL ? t->n - j : VL;
        vf x = v_load(sums + j);
        if (!t->first) x = v_add(x, v_load_n(c + j, n));
        if (t->bias) x = v_add(x, v_load_n(t->bias + j, n));
        if (res) x = v_add(x, v_load_n(res + j, n));
        if (t->clip) x = v_min(v_set1(t->hi), v_max(v_set1(t->lo), x));
        v_store_n(c + j, x, n);
    }
}

#define EACH_SUM(mr, nv)                                                                                               \
    GEMM_UNROLL(16)                                                                                                    \
    for (int i = 0; i < mr; i++) GEMM_UNROLL(4)                                                                        \
    for (int j = 0; j < nv; j++)

/* The same from registers, one term of all sums after the other: a branch for each sum would cost as much as a product
 * of few K steps. Sums of a panel that is not full pass through memory: the code for their tails would be large in each
 * tile, and is hardly ever used. */
GEMM_BODY __attribute__((unused)) void tile_store(const tile *t, const int mr, const int nv, vf acc[MR][NV]) {
    if (t->n < nv * VL) {
        float sums[MR * NR];
        EACH_SUM(mr, nv) v_store(sums + i * NR + j * VL, acc[i][j]);
        for (int i = 0; i < mr; i++) store_row(t, i, sums + i * NR);
        return;
    }
    float *const c = t->c;
    const float *const bias = t->bias, *const res = t->res;
    const int64_t ldc = t->ldc, ldr = t->ldr;
    if (!t->first) EACH_SUM(mr, nv) acc[i][j] = v_add(acc[i][j], v_load(c + i * ldc + j * VL));
    if (bias) EACH_SUM(mr, nv) acc[i][j] = v_add(acc[i][j], v_load(bias + j * VL));
    if (res) EACH_SUM(mr, nv) acc[i][j] = v_add(acc[i][j], v_load(res + i * ldr + j * VL));
    if (t->clip) {
        const vf lo = v_set1(t->lo), hi = v_set1(t->hi);
        EACH_SUM(mr, nv) acc[i][j] = v_min(hi, v_max(lo, acc[i][j]));
    }
    EACH_SUM(mr, nv) v_store(c + i * ldc + j * VL, acc[i][j]);
}

/* The rounding error of a sum grows with the root of its length: sums of at most CHAIN products, added up, err half as
 * much as one sum over a chunk. Registers being full, what is summed waits in memory (L1), for 1 to 2% of the time.
 * hold: the sums go to what waits, or become it, and start anew; release: what waits is added to the last sums. */
GEMM_FN void hold(float *held, const int mr, const int nv, const bool more, vf acc[MR][NV]) {
    if (more) EACH_SUM(mr, nv) acc[i][j] = v_add(v_load(held + i * NR + j * VL), acc[i][j]);
    EACH_SUM(mr, nv) {
        v_store(held + i * NR + j * VL, acc[i][j]);
        acc[i][j] = v_set1(0.0f);
    }
}

GEMM_FN void release(const float *held, const int mr, const int nv, vf acc[MR][NV]) {
    EACH_SUM(mr, nv) acc[i][j] = v_add(acc[i][j], v_load(held + i * NR + j * VL));
}

#if GEMM_AS_IS
GEMM_FN float a_of(float x) { return x; }
GEMM_FN void copy_a(float *dst, const float *src, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(dst + i, v_load(src + i));
    if (i < n) v_store_n(dst + i, v_load_n(src + i, n - i), n - i);
}
GEMM_FN void zero_a(float *dst, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(dst + i, v_set1(0.0f));
    if (i < n) v_store_n(dst + i, v_set1(0.0f), n - i);
}
#endif
#include GEMM_TILE

#if !defined(GEMM_RUN_TILE)
#define TILE(mr)                                                                                                       \
    static void tile_##mr##_1(const tile *t) { tile_body(t, mr, 1); }                                                  \
    static void tile_##mr##_2(const tile *t) { tile_body(t, mr, 2); }
static void tile_1_1(const tile *t) { tile_row(t, 1); }
static void tile_1_2(const tile *t) { tile_row(t, 2); }
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#define BOTH(mr)                                                                                                       \
    { tile_##mr##_1, tile_##mr##_2 }
#if GEMM_MR >= 12
TILE(7)
TILE(8)
TILE(9)
TILE(10) TILE(11) TILE(12)
#endif
#if GEMM_MR >= 14
    TILE(13) TILE(14)
#endif

        typedef void tile_fn(const tile *t);
static tile_fn *const tiles[MR][2] = {
    /* for half of a panel's columns, or all */
    BOTH(1),  BOTH(2),  BOTH(3), BOTH(4),  BOTH(5),  BOTH(6),
#if GEMM_MR >= 12
    BOTH(7),  BOTH(8),  BOTH(9), BOTH(10), BOTH(11), BOTH(12),
#endif
#if GEMM_MR >= 14
    BOTH(13), BOTH(14),
#endif
};
#define GEMM_RUN_TILE(t, mr) tiles[(mr)-1][(t)->n > NR / 2](t)
#endif

#include "kernels/gemm/gemm_act.h"

/* ---- A tiles ---- */

static void copy_rows(const k_gemm_args *g, int64_t i0, int mr, int64_t k0, int64_t kc, a_elem *dst, int64_t ld) {
    for (int i = 0; i < mr; i++) copy_a(dst + i * ld, g->a + (i0 + i) * g->lda + k0, kc);
}

static void copy_cols(const k_gemm_args *g, int64_t i0, int mr, int64_t k0, int64_t kc, a_elem *dst, int64_t ld) {
    const float *a = g->a + k0 * g->lda + i0;
    for (int64_t k = 0; k < kc; k++, a += g->lda)
        for (int i = 0; i < mr; i++) GEMM_PUT_A(dst + i * ld + k, a[i]);
}

/* An output position: its image and, per dim, the input coordinate of tap 0. */
typedef struct position {
    const float *image;
    int64_t at[K_CONV_DIMS];
} position;

static position position_of(const k_gemm_args *g, int64_t i) {
    const k_conv_geom *v = g->conv;
    position s;
    for (int d = K_CONV_DIMS - 1; d >= 0; d--) {
        s.at[d] = i % v->out[d] * v->stride[d] - v->pad[d];
        i /= v->out[d];
    }
    s.image = g->a + i * v->in[0] * v->in[1] * v->in[2] * v->ld;
    return s;
}

/* Columns [k0, k0 + kc) of one im2col row: a piece of channels from inside the image or zeros, tap by tap, or for all
 * taps of a kernel row that lie side by side. */
static void gather_row(const k_conv_geom *v, const position *s, int64_t k0, int64_t kc, a_elem *dst) {
    int64_t tap = k0 / v->channels, c = k0 % v->channels;
    int64_t kx = tap % v->kernel[2], ky = tap / v->kernel[2] % v->kernel[1], kz = tap / v->kernel[2] / v->kernel[1];
    bool dense = v->channels == v->ld && v->dilation[2] == 1;
    while (kc > 0) {
        int64_t z = s->at[0] + kz * v->dilation[0], y = s->at[1] + ky * v->dilation[1];
        bool inside = z >= 0 && z < v->in[0] && y >= 0 && y < v->in[1];
        const float *row = s->image + (z * v->in[1] + y) * v->in[2] * v->ld;
        while (kx < v->kernel[2] && kc > 0) {
            int64_t x = s->at[2] + kx * v->dilation[2], taps = 1;
            bool within = inside && x >= 0 && x < v->in[2];
            if (within && dense) taps = v->kernel[2] - kx < v->in[2] - x ? v->kernel[2] - kx : v->in[2] - x;
            int64_t n = taps * v->channels - c < kc ? taps * v->channels - c : kc;
            if (within) copy_a(dst, row + x * v->ld + c, n);
            else zero_a(dst, n);
            dst += n, kc -= n, kx += taps, c = 0;
        }
        kx = 0;
        if (++ky == v->kernel[1]) ky = 0, kz++;
    }
}

static void copy_conv(const k_gemm_args *g, int64_t i0, int mr, int64_t k0, int64_t kc, a_elem *dst, int64_t ld) {
    for (int i = 0; i < mr; i++) {
        position s = position_of(g, i0 + i);
        gather_row(g->conv, &s, k0, kc, dst + i * ld);
    }
}

/* A convolution tile can be read in place when its positions share an output row and no tap leaves the image: kernel
 * rows are then segments of kernel[2] * channels floats. */
static bool conv_in_place(const k_gemm_args *g, int64_t i0, int mr, tile *t) {
    const k_conv_geom *v = g->conv;
    if (v->kernel[1] > 1 && v->kernel[2] * v->channels % STEP) return false;
    bool dense = v->kernel[2] == 1 || (v->dilation[2] == 1 && v->channels == v->ld);
    if (!dense || v->kernel[0] != 1) return false;
    if (i0 % v->out[2] + mr > v->out[2]) return false;
    position s = position_of(g, i0);
    int64_t lastx = s.at[2] + (mr - 1) * v->stride[2] + (v->kernel[2] - 1) * v->dilation[2];
    int64_t lasty = s.at[1] + (v->kernel[1] - 1) * v->dilation[1];
    if (s.at[0] < 0 || s.at[0] >= v->in[0] || s.at[1] < 0 || lasty >= v->in[1] || s.at[2] < 0 || lastx >= v->in[2])
        return false;
    t->a = (const a_elem *)s.image + ((s.at[0] * v->in[1] + s.at[1]) * v->in[2] + s.at[2]) * v->ld;
    t->lda = v->stride[2] * v->ld;
    t->seg = v->dilation[1] * v->in[2] * v->ld;
    t->nseg = v->kernel[1];
    t->k = v->kernel[2] * v->channels;
    return true;
}

/* Rows whose distance is near a multiple of 2 KB fall on few L1 sets. */
static bool collides(int64_t lda) { return lda > 256 && ((lda * 4) % 2048 < 64 || (lda * 4) % 2048 > 2048 - 64); }

/* Points t at rows [i0, i0 + mr) of columns [k0, k0 + kc): in place where that is as fast, else copied to buf. */
static void take_a(const k_gemm_args *g, int64_t i0, int mr, int64_t k0, int64_t kc, int64_t panels, a_elem *buf,
                   tile *t) {
    if (GEMM_AS_IS && g->kind == K_A_CONV && kc == g->k && conv_in_place(g, i0, mr, t) && !collides(t->lda)) return;
    t->seg = 0, t->nseg = 1, t->k = kc;
    if (GEMM_AS_IS && g->kind == K_A_ROWS && (mr == 1 || panels < 4 || (panels < 12 && !collides(g->lda)))) {
        t->a = (const a_elem *)(g->a + i0 * g->lda + k0), t->lda = g->lda;
        return;
    }
    t->a = buf, t->lda = (kc + 15) / 16 * 16 + 16;
    if (g->kind == K_A_ROWS) copy_rows(g, i0, mr, k0, kc, buf, t->lda);
    else if (g->kind == K_A_COLS) copy_cols(g, i0, mr, k0, kc, buf, t->lda);
    else copy_conv(g, i0, mr, k0, kc, buf, t->lda);
    for (int i = 0; i < mr && kc % GEMM_PAD; i++) /* B's zeros meet zeros */
        zero_a(buf + i * t->lda + kc, GEMM_PAD - kc % GEMM_PAD);
}

/* ---- the driver ---- */

/* Columns [k0, k1) of panels [p0, p1): what all rows use before the next piece of B is looked at. */
typedef struct chunk {
    int64_t k0, k1, p0, p1;
} chunk;

GEMM_FN const char *panel_at(const k_gemm_args *g, int64_t p, int64_t k) {
    return (const char *)g->b + (p * ((g->k + STEP - 1) / STEP) + k / STEP) * STEP_BYTES;
}

/* A chunk's products in sums of nearly equal length; even, for elements that lie in pairs. */
GEMM_FN int64_t chain_of(int64_t kc) {
    int64_t sums = (kc + CHAIN - 1) / CHAIN;
    return sums > 1 ? ((kc + sums - 1) / sums + 1) / 2 * 2 : CHAIN;
}

/* Rows [i0, i0 + mr) times a chunk. part of parts: which share of the next chunk these rows fetch on the way. */
static void run_tile(const k_gemm_args *g, tile *t, int64_t i0, int mr, const chunk *now, const chunk *next,
                     int64_t part, int64_t parts) {
    bool last = now->k1 == g->k, heavy = g->act > K_ACT_CLIP;
    t->first = now->k0 == 0, t->clip = last && g->act == K_ACT_CLIP, t->lo = g->p, t->hi = g->q;
    t->ldc = g->ldc, t->ldr = g->ldr;
    t->chain = chain_of(now->k1 - now->k0);
    t->g = g, t->row = i0, t->k0 = now->k0;
    const int64_t share = (next->k1 - next->k0) / STEP * STEP_BYTES * part / parts;
    for (int64_t p = now->p0; p < now->p1; p++) {
        int64_t n0 = p * NR, n = g->n - n0 < NR ? g->n - n0 : NR, q = next->p0 + p - now->p0;
        t->n = (int)n, t->col = n0;
        t->b = panel_at(g, p, now->k0);
        t->ahead = q < next->p1 ? panel_at(g, q, next->k0) + share : (const char *)t->b;
        t->pace = q < next->p1 ? STEP_BYTES / parts : 0;
        t->c = g->c + i0 * g->ldc + n0;
        t->bias = last && g->bias ? g->bias + n0 : NULL;
        t->res = t->first && g->residual ? g->residual + i0 * g->ldr + n0 : NULL;
        GEMM_RUN_TILE(t, mr);
        if (last && heavy) FN(activate)(t->c, g->ldc, mr, n, g->act, g->p, g->q);
    }
}

/* Rows in tiles of nearly equal height. */
static void run_rows(const k_gemm_args *g, int64_t m0, int64_t m1, const chunk *now, const chunk *next, a_elem *buf) {
    const int64_t parts = (m1 - m0 + MR - 1) / MR;
    _Alignas(64) float held[MR * NR];
    for (int64_t i = m0, part = 0; i < m1; part++) {
        int mr = (int)((m1 - i + parts - part - 1) / (parts - part));
        tile t = {.held = held};
        take_a(g, i, mr, now->k0, now->k1 - now->k0, now->p1 - now->p0, buf, &t);
        run_tile(g, &t, i, mr, now, next, part, parts);
        i += mr;
    }
}

/* Panels of a chunk: few, so that the first, which nobody fetched ahead, is small; more where rows of A are gathered or
 * narrowed anew for each chunk. The next chunk has room beside it in L2. */
static int64_t panel_group(const k_gemm_args *g, int64_t kc) {
    int64_t bytes = cpu_cache_l2() / (GEMM_AS_IS && g->kind == K_A_ROWS ? 16 : 4);
    int64_t fit = bytes * STEP / STEP_BYTES / (kc > 0 ? kc : 1);
    return fit < 1 ? 1 : fit;
}

/* Rows whose part of A fills half of L2: they stay there while B passes. */
static int64_t row_block(const k_gemm_args *g) {
    int64_t each = g->k;
    if (g->kind == K_A_CONV) each = g->conv->ld * g->conv->stride[1] * g->conv->stride[2];
    int64_t fit = cpu_cache_l2() / 2 / (int64_t)sizeof(float) / (each > 0 ? each : 1);
    return fit < 4 * MR ? 4 * MR : fit / MR * MR;
}

static void FN(run)(const k_gemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    int64_t blocks = g->k > KC + KC / 2 ? (g->k + KC - 1) / KC : 1, kc = g->k ? (g->k + blocks - 1) / blocks : 0;
    kc = i64_min((kc + STEP - 1) / STEP * STEP, g->k);
    const int64_t group = panel_group(g, kc), rows = row_block(g);
    const chunk first = {0, kc, p0, i64_min(p0 + group, p1)};
    GEMM_ENTER;
    for (int64_t i = m0; i < m1; i += rows) {
        int64_t end = i64_min(i + rows, m1);
        for (chunk now = first, next; now.p0 < p1; now = next) {
            next = (chunk){now.k1, i64_min(now.k1 + kc, g->k), now.p0, now.p1};
            if (now.k1 == g->k) next = (chunk){0, kc, now.p1, i64_min(now.p1 + group, p1)};
            run_rows(g, i, end, &now, next.p0 < p1 ? &next : &first, workspace);
        }
    }
    GEMM_LEAVE;
}

#define GEMM_TABLE                                                                                                     \
    { GEMM_FORM, MR, NR, FN(run), FN(activate) }
