/* SPDX-License-Identifier: MIT
 *
 * The integer product in tiles of u8 x s8 (kernels/tiles.h): 32 rows by a panel of 32 columns in four of them. B is
 * what the VNNI kernel packs: 16 of a panel's rows by 16 columns lie as a tile wants them. A is walked in chunks that
 * stay in L1 while the panels pass, read in place where 16 rows are equally far apart and taps are whole tiles, else
 * gathered. Edges are padded, so that one configuration serves: with zeros along k, with rows that nobody stores along
 * m. Few rows are left to VNNI, which does not pay for 16. Sums wrap and so do not depend on the order: the bits are
 * VNNI's.
 *
 * An instance defines TILE_FN(name) and TILE_FEW_BY, the VNNI kernel.
 */
#include <stdbool.h>
#include <string.h>

#include "kernels/qgemm/tile_parts.h"
#include "kernels/tiles.h"

enum {
    HALF = 16,
    ROWS = 2 * HALF,
    NR = 32,
    WORDS = 16,          /* of a tile along k: 64 bytes of A, rows of a panel */
    WORD_BYTES = NR * 4, /* of a panel */
    CHUNK = 16 * WORDS,  /* of A along k */
    LD = CHUNK * 4 + 64, /* of gathered rows: off the L1 sets' period */
    FEW = 4
};

/* Rows of A, by halves: WORDS words each at p + offset[seg] + 64 step, rows ld apart. */
typedef struct block {
    const uint8_t *p[2];
    int64_t ld[2];
    const int64_t *offset;
    int64_t segs, steps;
    bool low; /* more rows than a half */
} block;

/* sums = start + A B over `words` rows of a panel; start and sums may be the same memory. start_ld 0: one row for all.
 */
static void multiply(const block *a, const char *b, int64_t words, const int32_t *start, int64_t start_ld,
                     int32_t *sums, int64_t ld) {
    _Alignas(64) char tail[WORDS * WORD_BYTES];
    TILES;
    TILE_LOAD(0, start, start_ld * 4);
    TILE_LOAD(1, start + HALF, start_ld * 4);
    if (a->low) {
        TILE_LOAD(2, start + HALF * start_ld, start_ld * 4);
        TILE_LOAD(3, start + HALF * start_ld + HALF, start_ld * 4);
    }
    for (int64_t s = 0; s < a->segs; s++) {
        const uint8_t *p = a->p[0] + a->offset[s], *q = a->p[1] + a->offset[s];
        for (int64_t i = 0; i < a->steps; i++, p += 64, q += 64, b += WORDS * WORD_BYTES, words -= WORDS) {
            if (words < WORDS) { /* what follows in memory is not B's, or nobody's */
                memcpy(tail, b, (size_t)(words * WORD_BYTES));
                memset(tail + words * WORD_BYTES, 0, (size_t)((WORDS - words) * WORD_BYTES));
                b = tail;
            }
            TILE_LOAD(6, b, WORD_BYTES);
            TILE_LOAD(4, p, a->ld[0]);
            TILE_DOT_U8S8(0, 4, 6);
            TILE_LOAD(7, b + 64, WORD_BYTES);
            TILE_DOT_U8S8(1, 4, 7);
            if (!a->low) continue;
            TILE_LOAD(5, q, a->ld[1]);
            TILE_DOT_U8S8(2, 5, 6);
            TILE_DOT_U8S8(3, 5, 7);
        }
    }
    TILE_STORE(0, sums, ld * 4);
    TILE_STORE(1, sums + HALF, ld * 4);
    if (a->low) {
        TILE_STORE(2, sums + HALF * ld, ld * 4);
        TILE_STORE(3, sums + HALF * ld + HALF, ld * 4);
    }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- rows of a matrix ---- */
/* Bytes as u8, zeros to whole tiles; their sum. */
static uint32_t pack_row(const k_qgemm_args *g, int64_t i, uint8_t *d, int64_t padded) {
    const uint8_t *a = (const uint8_t *)g->a + i * g->lda;
    const uint8_t flip = g->a_signed ? 0x80 : 0;
    uint32_t sum = 0;
    for (int64_t k = 0; k < g->k; k++) sum += d[k] = a[k] ^ flip;
    memset(d + g->k, 0, (size_t)(padded - g->k));
    return sum;
}

/* What the zero points owe (qgemm.h) to n columns of row i. */
static void settle(const k_qgemm_args *g, int64_t i, uint32_t row_sum, const uint32_t *sums, const uint32_t *zb,
                   int32_t *c, int64_t n) {
    const uint32_t za = (uint32_t)g->za[i * g->za_step] + (g->a_signed ? 128 : 0), t = (uint32_t)g->k * za - row_sum;
    const uint32_t *col = zb + NR;
    for (int64_t j = 0; j < n; j++) c[j] = (int32_t)(sums[j] - za * col[j] + t * zb[j]);
}

static void matrix_rows(const k_qgemm_args *g, int64_t i0, int64_t mr, int64_t p0, int64_t p1, uint8_t *rows) {
    static const int32_t zeros[NR] = {0};
    static const int64_t at_once = 0;
    const int64_t words = (g->k + 3) / 4, padded = (g->k + 63) / 64 * 64, ld = padded + 64;
    _Alignas(64) uint32_t sums[ROWS * NR], row_sums[ROWS];
    for (int64_t i = 0; i < mr; i++) row_sums[i] = pack_row(g, i0 + i, rows + i * ld, padded);
    const block a = {{rows, rows + HALF * ld}, {ld, ld}, &at_once, 1, padded / 64, mr > HALF};
    for (int64_t p = p0; p < p1; p++) {
        const char *panel = (const char *)g->b + p * (words + 2) * WORD_BYTES;
        const uint32_t *zb = (const uint32_t *)(const void *)(panel + words * WORD_BYTES);
        multiply(&a, panel, words, zeros, 0, (int32_t *)sums, NR);
        int32_t *c = g->c + i0 * g->ldc + p * NR;
        for (int64_t i = 0; i < mr; i++)
            settle(g, i0 + i, row_sums[i], sums + i * NR, zb, c + i * g->ldc, least(NR, g->n - p * NR));
    }
}

void TILE_FN(k_qgemm_run)(const k_qgemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    uint8_t *rows = (uint8_t *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
    int64_t i = m0;
    TILES_BEGIN;
    for (; m1 - i > FEW; i += least(ROWS, m1 - i)) matrix_rows(g, i, least(ROWS, m1 - i), p0, p1, rows);
    TILES_END;
    if (i < m1) TILE_FEW_BY.run(g, i, m1, p0, p1, workspace);
}

/* ---- rows by pointer ---- */
/* Words [w0, w0 + words) of each of the taps [t0, t0 + taps): whole taps unless there is one. */
typedef struct chunk {
    int64_t t0, taps, w0, words;
} chunk;

static bool equally_far(const uint8_t *const *rows) {
    for (int i = 2; i < HALF; i++)
        if (rows[i] - rows[i - 1] != rows[1] - rows[0]) return false;
    return true;
}

static block in_place(const k_qgemm_rows *g, const uint8_t *const *rows, bool low, const chunk *k) {
    const uint8_t *const *below = low ? rows + HALF : rows;
    return (block){{rows[0] + 4 * k->w0, below[0] + 4 * k->w0},
                   {rows[1] - rows[0], below[1] - below[0]},
                   g->offset + k->t0,
                   k->taps,
                   k->words / WORDS,
                   low};
}

/* Taps that follow each other in memory are copied as one. */
static block gathered(const k_qgemm_rows *g, const uint8_t *const *rows, int64_t mr, const chunk *k, uint8_t *d) {
    static const int64_t at_once = 0;
    const int64_t *offset = g->offset + k->t0, each = 4 * k->words, steps = (k->taps * k->words + WORDS - 1) / WORDS;
    int64_t at = 0;
    for (int64_t t = 0, n; t < k->taps; t += n, at += n * each) {
        for (n = 1; t + n < k->taps && offset[t + n] - offset[t] == n * each;) n++;
        for (int64_t i = 0; i < mr; i++) memcpy(d + i * LD + at, rows[i] + offset[t] + 4 * k->w0, (size_t)(n * each));
    }
    for (int64_t i = 0; i < mr && at < steps * 64; i++) memset(d + i * LD + at, 0, (size_t)(steps * 64 - at));
    return (block){{d, d + HALF * LD}, {LD, LD}, &at_once, 1, steps, mr > HALF};
}

/* A block of rows, a chunk of k, all panels. Rows that are no whole halves have their sums in `edge` meanwhile. */
static void panels(const k_qgemm_rows *g, int64_t i0, int64_t mr, const block *a, const chunk *k, int64_t p0,
                   int64_t p1) {
    _Alignas(64) int32_t edge[ROWS * NR];
    const int64_t all = g->taps * g->words, from = k->t0 * g->words + k->w0;
    for (int64_t p = p0; p < p1; p++) {
        const char *b = (const char *)g->b + (p * (all + 2) + from) * WORD_BYTES;
        int32_t *c = g->c + i0 * g->ldc + p * NR, *sums = mr % HALF ? edge : c;
        const int64_t ld = mr % HALF ? NR : g->ldc;
        for (int64_t i = 0; from && sums == edge && i < mr; i++) memcpy(edge + i * NR, c + i * g->ldc, NR * 4);
        multiply(a, b, k->taps * k->words, from ? sums : g->init + p * NR, from ? ld : 0, sums, ld);
        for (int64_t i = 0; sums == edge && i < mr; i++) memcpy(c + i * g->ldc, edge + i * NR, NR * 4);
    }
}

static void block_of_rows(const k_qgemm_rows *g, int64_t i0, int64_t mr, int64_t p0, int64_t p1) {
    _Alignas(64) uint8_t copy[ROWS * LD];
    const uint8_t *const *rows = g->rows + i0;
    const bool low = mr > HALF;
    const bool whole = g->words % WORDS == 0 && equally_far(rows) && (!low || equally_far(rows + HALF));
    const int64_t taps = g->words < CHUNK && g->words > 0 ? CHUNK / g->words : 1;
    for (int64_t t = 0; t < g->taps; t += taps)
        for (int64_t w = 0; w < g->words; w += CHUNK) {
            const chunk k = {t, least(taps, g->taps - t), w, least(CHUNK, g->words - w)};
            const block a = whole ? in_place(g, rows, low, &k) : gathered(g, rows, mr, &k, copy);
            panels(g, i0, mr, &a, &k, p0, p1);
        }
}

void TILE_FN(k_qgemm_rows)(const k_qgemm_rows *g, int64_t m, int64_t p0, int64_t p1) {
    int64_t i = 0;
    TILES_BEGIN;
    for (; m - i > FEW; i += least(ROWS, m - i)) block_of_rows(g, i, least(ROWS, m - i), p0, p1);
    TILES_END;
    if (i == m) return;
    k_qgemm_rows few = *g;
    few.rows += i, few.c += i * g->ldc;
    TILE_FEW_BY.rows(&few, m - i, p0, p1);
}
