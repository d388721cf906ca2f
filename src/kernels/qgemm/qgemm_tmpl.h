/* SPDX-License-Identifier: MIT
 *
 * The integer product over lanes.h. QGROUP is 2 (s16 pairs) or 4 (u8 x s8 quadruples): a lane always holds four bytes
 * of B, a word of packed A is the matching four bytes of a row. Rows are packed in blocks of MR, 4 or 1 into the
 * workspace.
 */
#include <string.h>

#include "kernels/qgemm/qgemm.h"
#include "kernels/qgemm/convert.h"
#include "kernels/qgemm/finish_f32.h"

enum { FN(MR) = VREGS >= 32 ? 12 : 6, FN(NV) = 2, FN(NR) = FN(NV) * VL };

#if QGROUP == 2
#define Q_DOT(acc, a, b) vi_add(acc, vi_madd16(a, b))
#else
#define Q_DOT(acc, a, b) vi_dot8(acc, a, b)
#endif

static int32_t FN(zero_of)(const k_qgemm_args *g, int64_t i) { return g->za[i * g->za_step]; }

/* quantize() in lanes. A product with 1 / scale instead of the quotient differs from it by less than 1e-4 where the
 * result is not clamped: only a block that comes near a tie is divided. */
static void FN(to_bytes)(void *q_, const float *x, int64_t n, float scale, int32_t zp, bool is_signed) {
    enum { BLOCK = 4 * VL };
    uint8_t *q = q_;
    const float inverse = 1 / scale, low = (float)((is_signed ? -128 : 0) - zp),
                high = (float)((is_signed ? 127 : 255) - zp);
    const bool usable = inverse >= 0x1p-100f && inverse <= 0x1p100f;
    const vf lo = v_set1(low), hi = v_set1(high), s = v_set1(scale), m = v_set1(inverse), zero = v_set1(0.0f);
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        vf r[4], off = v_set1(usable ? 0.0f : 1.0f);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            vf t = v_mul(v_load(x + i + k * VL), m);
            r[k] = v_round(t);
            off = v_max(v_abs(v_sub(t, r[k])), off);
        }
        if (FN(any_above)(off, v_set1(0.4998f)))
            for (int k = 0; k < 4; k++) r[k] = v_round(v_div(v_load(x + i + k * VL), s));
        vi w[4];
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            vf v = v_blend(v_eq(r[k], r[k]), r[k], zero); /* NaN as 0 */
            w[k] = vi_add(v_to_vi(v_min(hi, v_max(lo, v))), vi_set1(zp));
        }
        FN(put_bytes)(q + i, w, is_signed, 4);
    }
    FN(quantize)(q + i, x + i, n - i, scale, zp, is_signed);
}

/* V vectors of columns over all pixels. */
static inline __attribute__((always_inline)) void FN(sum_lanes)(int32_t *acc, const char *x, int64_t pixels, int64_t ld,
                                                                bool is_signed, const int V) {
    vi s[4];
#pragma GCC unroll 4
    for (int k = 0; k < V; k++) s[k] = vi_load(acc + k * VL);
    for (int64_t p = 0; p < pixels; p++, x += ld)
#pragma GCC unroll 4
        for (int k = 0; k < V; k++) s[k] = vi_add(s[k], FN(from_bytes)(x + k * VL, is_signed));
#pragma GCC unroll 4
    for (int k = 0; k < V; k++) vi_store(acc + k * VL, s[k]);
}

static void FN(sum_fast)(int32_t *acc, const void *x_, int64_t pixels, int64_t ld, int64_t n, bool is_signed) {
    const char *x = x_;
    int64_t i = 0;
    for (; n - i >= 4 * VL; i += 4 * VL) FN(sum_lanes)(acc + i, x + i, pixels, ld, is_signed, 4);
    for (; n - i >= VL; i += VL) FN(sum_lanes)(acc + i, x + i, pixels, ld, is_signed, 1);
    FN(sum)(acc + i, x + i, pixels, ld, n - i, is_signed);
}

/* Words [k / group][M] of rows i0 ..; rows past m1 are zero. Group 4: row sums of the shifted A into sums[]. */
static void FN(pack_rows)(const k_qgemm_args *g, int64_t i0, int64_t rows, int M, int32_t *words, int32_t *sums) {
    int64_t groups = (g->k + QGROUP - 1) / QGROUP;
    for (int m = 0; m < M; m++) {
        sums[m] = 0;
        if (m >= rows) {
            for (int64_t k = 0; k < groups; k++) words[k * M + m] = 0;
            continue;
        }
        const uint8_t *a = (const uint8_t *)g->a + (i0 + m) * g->lda;
        uint8_t flip = g->a_signed ? 0x80 : 0; /* s8 + 128 as u8 */
        int32_t sum = 0;
#if QGROUP == 2
        int32_t zero = FN(zero_of)(g, i0 + m) + (flip ? 128 : 0);
        for (int64_t k = 0; k < g->k; k += 2) {
            int16_t v[2] = {(int16_t)((a[k] ^ flip) - zero), k + 1 < g->k ? (int16_t)((a[k + 1] ^ flip) - zero) : 0};
            memcpy(&words[k / 2 * M + m], v, 4);
        }
#else
        for (int64_t k = 0; k < g->k; k += 4) {
            uint8_t v[4] = {0};
            for (int64_t u = 0; u < 4 && k + u < g->k; u++) v[u] = a[k + u] ^ flip, sum += v[u];
            memcpy(&words[k / 4 * M + m], v, 4);
        }
#endif
        sums[m] = sum;
    }
}

/* What the zero points of group 4 still owe: - za' colsum - zb' rowsum + k za' zb'. */
static inline vi FN(settle)(const k_qgemm_args *g, vi acc, int64_t i, int32_t row_sum, const int32_t *zb,
                            const int32_t *col_sum) {
#if QGROUP == 2
    (void)g, (void)i, (void)row_sum, (void)zb, (void)col_sum;
    return acc;
#else
    uint32_t za = (uint32_t)FN(zero_of)(g, i) + (g->a_signed ? 128 : 0);
    acc = vi_sub(acc, vi_mul(vi_set1((int32_t)za), vi_load(col_sum)));
    return vi_add(acc, vi_mul(vi_set1((int32_t)((uint32_t)g->k * za - (uint32_t)row_sum)), vi_load(zb)));
#endif
}

static inline __attribute__((always_inline)) void FN(tile)(const k_qgemm_args *g, int64_t i0, int64_t rows, int64_t j0,
                                                           const int32_t *words, const int32_t *sums,
                                                           const int32_t *panel, const int M) {
    vi acc[12][2];
    int64_t groups = (g->k + QGROUP - 1) / QGROUP;
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) acc[m][0] = acc[m][1] = vi_set1(0);
    for (int64_t k = 0; k < groups; k++) {
        vi b0 = vi_load(panel + k * FN(NR)), b1 = vi_load(panel + k * FN(NR) + VL);
#pragma GCC unroll 12
        for (int m = 0; m < M; m++) {
            vi a = vi_set1(words[k * M + m]);
            acc[m][0] = Q_DOT(acc[m][0], a, b0);
            acc[m][1] = Q_DOT(acc[m][1], a, b1);
        }
    }
    const int32_t *zb = panel + groups * FN(NR), *col = zb + FN(NR);
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) {
        if (m >= rows) break;
        for (int w = 0; w < 2; w++) {
            int64_t left = g->n - j0 - w * VL;
            vi v = FN(settle)(g, acc[m][w], i0 + m, sums[m], zb + w * VL, col + w * VL);
            int32_t *c = g->c + (i0 + m) * g->ldc + j0 + w * VL;
            if (left >= VL) vi_store(c, v);
            else if (left > 0) vi_store_n(c, v, left);
        }
    }
}

static void FN(rows_full)(const k_qgemm_args *g, int64_t i0, int64_t rows, int64_t j0, const int32_t *words,
                          const int32_t *sums, const int32_t *panel) {
    FN(tile)(g, i0, rows, j0, words, sums, panel, FN(MR));
}
static void FN(rows_4)(const k_qgemm_args *g, int64_t i0, int64_t rows, int64_t j0, const int32_t *words,
                       const int32_t *sums, const int32_t *panel) {
    FN(tile)(g, i0, rows, j0, words, sums, panel, 4);
}
static void FN(rows_1)(const k_qgemm_args *g, int64_t i0, int64_t rows, int64_t j0, const int32_t *words,
                       const int32_t *sums, const int32_t *panel) {
    FN(tile)(g, i0, rows, j0, words, sums, panel, 1);
}

static void FN(run)(const k_qgemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    int32_t *sums = (int32_t *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63), *words = sums + 16;
    int64_t panel_words = ((g->k + QGROUP - 1) / QGROUP + 2) * FN(NR);
    for (int64_t i = m0; i < m1;) {
        int64_t left = m1 - i;
        int M = left == 1 ? 1 : left <= 4 ? 4 : FN(MR);
        int64_t rows = left < M ? left : M;
        FN(pack_rows)(g, i, rows, M, words, sums);
        for (int64_t p = p0; p < p1; p++) {
            const int32_t *panel = (const int32_t *)g->b + p * panel_words;
            if (M == 1) FN(rows_1)(g, i, rows, p * FN(NR), words, sums, panel);
            else if (M == 4) FN(rows_4)(g, i, rows, p * FN(NR), words, sums, panel);
            else FN(rows_full)(g, i, rows, p * FN(NR), words, sums, panel);
        }
        i += rows;
    }
}

/* ---- rows by pointer ---- */
/* ahead: where the next panel is fetched into L2 on the way, `pace` bytes for each word of these rows. */
typedef struct FN(cell) {
    const int32_t *panel;
    const char *ahead;
    int64_t pace;
} FN(cell);

static inline __attribute__((always_inline)) void FN(cells)(const k_qgemm_rows *g, int64_t i0, int64_t left, int64_t j0,
                                                            const FN(cell) * cell, const int M) {
    const int32_t *panel = cell->panel;
    const char *ahead = cell->ahead;
    const int64_t pace = cell->pace;
    vi acc[12][2];
    const uint8_t *rows[12];
    vi s0 = vi_load(g->init + j0), s1 = vi_load(g->init + j0 + VL);
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) acc[m][0] = s0, acc[m][1] = s1;
    for (int64_t t = 0; t < g->taps; t++) {
#pragma GCC unroll 12
        for (int m = 0; m < M; m++) rows[m] = g->rows[i0 + m] + g->offset[t];
        for (int64_t k = 0; k < g->words; k++, panel += FN(NR)) {
            vi b0 = vi_load(panel), b1 = vi_load(panel + VL);
            __builtin_prefetch(ahead, 0, 2);
            ahead += pace;
#pragma GCC unroll 12
            for (int m = 0; m < M; m++) {
                int32_t word;
                memcpy(&word, rows[m] + 4 * k, 4);
                vi a = vi_set1(word);
                acc[m][0] = Q_DOT(acc[m][0], a, b0);
                acc[m][1] = Q_DOT(acc[m][1], a, b1);
            }
        }
    }
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) {
        if (m >= left) break;
        vi_store(g->c + (i0 + m) * g->ldc + j0, acc[m][0]);
        vi_store(g->c + (i0 + m) * g->ldc + j0 + VL, acc[m][1]);
    }
}

#define CELLS(M)                                                                                                       \
    static void FN(cells_##M)(const k_qgemm_rows *g, int64_t i0, int64_t left, int64_t j0, const FN(cell) * cell) {    \
        FN(cells)(g, i0, left, j0, cell, M);                                                                           \
    }
CELLS(1)
CELLS(2)
CELLS(4)
CELLS(6)
CELLS(8)
CELLS(12)
#undef CELLS

/* Rows of the next tile. A few rows alone wait for their sums, so that they take some from the tile before them. */
static inline int FN(height)(int64_t left) {
    if (VREGS >= 32 && (left >= 16 || (left > 8 && left <= 12))) return 12;
    if (VREGS >= 32 && left > 6) return 8;
    return left > 4 ? 6 : left > 2 ? 4 : (int)left;
}

/* Panels outside: one stays in the cache while all rows pass, each tile of which fetches its share of the next. */
static void FN(by_rows)(const k_qgemm_rows *g, int64_t m, int64_t p0, int64_t p1) {
    const int64_t words = g->taps * g->words, panel_words = (words + 2) * FN(NR), line = FN(NR) * 4;
    const int64_t tiles = (m + FN(MR) - 1) / FN(MR);
    for (int64_t p = p0; p < p1; p++) {
        FN(cell) c = {(const int32_t *)g->b + p * panel_words, NULL, line / (tiles > 0 ? tiles : 1)};
        c.ahead = (const char *)(c.panel + panel_words);
        for (int64_t i = 0, h; i < m; i += h, c.ahead += words * c.pace) {
            const int64_t left = m - i, j = p * FN(NR);
            h = FN(height)(left);
            if (VREGS >= 32 && h == 12) FN(cells_12)(g, i, left, j, &c);
            else if (VREGS >= 32 && h == 8) FN(cells_8)(g, i, left, j, &c);
            else if (h == 6) FN(cells_6)(g, i, left, j, &c);
            else if (h == 4) FN(cells_4)(g, i, left, j, &c);
            else if (h == 2) FN(cells_2)(g, i, left, j, &c);
            else FN(cells_1)(g, i, left, j, &c);
        }
    }
}

#if QGROUP == 4
static void FN(widen_)(void *d, const void *x, int64_t n, int32_t zero, bool is_signed) {
    FN(widen8)(d, x, n, zero, is_signed);
}
#define Q_WIDEN FN(widen_)
#else
#define Q_WIDEN FN(widen16)
#endif
#define Q_TABLE_OF(run, rows)                                                                                          \
    {                                                                                                                  \
        QGROUP, FN(NR), run, FN(to_bytes), FN(dequantize), FN(requantize), rows, Q_WIDEN, FN(finish_fast),             \
            FN(add_fast), FN(depthwise), FN(sum_fast), FN(max), FN(range)                                              \
    }
#define Q_TABLE Q_TABLE_OF(FN(run), FN(by_rows))
