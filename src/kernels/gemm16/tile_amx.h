/* SPDX-License-Identifier: MIT
 *
 * The tile of 32 x 32 sums in four AMX tiles, A rounded to BF16 while it is copied and padded with zeros to whole tiles
 * along k. A panel's pairs already lie as a tile wants them, 16 of its rows by 16 columns. Included by gemm_tmpl.h
 * only.
 */
#include "kernels/gemm16/narrow_bf16.h"
#include "kernels/gemm16/store_sums.h"
#include "kernels/gemm16/tile_tail.h"

static void tile_any(const tile *t, int mr) {
    _Alignas(64) char tail[PAIRS * STEP_BYTES];
    _Alignas(64) float sums[MR * NR];
    const char *a = (const char *)t->a, *b = t->b, *ahead = t->ahead;
    const int64_t ld = t->lda * 2;
    const bool low = mr > 16, wide = t->n > VL;
    TILES;
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    for (int64_t k = t->k; k > 0; k -= DEPTH, a += DEPTH * 2, b += PAIRS * STEP_BYTES) {
        if (k < DEPTH) b = tail_of_b(b, k, tail);
        for (int i = 0; i < PAIRS && t->pace; i++, ahead += t->pace) __builtin_prefetch(ahead, 0, 2);
        TILE_LOAD(6, b, STEP_BYTES);
        TILE_LOAD(4, a, ld);
        TILE_DOT_BF16(0, 4, 6);
        if (wide) {
            TILE_LOAD(7, b + 64, STEP_BYTES);
            TILE_DOT_BF16(1, 4, 7);
        }
        if (low) {
            TILE_LOAD(5, a + 16 * ld, ld);
            TILE_DOT_BF16(2, 5, 6);
            if (wide) TILE_DOT_BF16(3, 5, 7);
        }
    }
    TILE_STORE(0, sums, NR * 4);
    TILE_STORE(1, sums + VL, NR * 4);
    TILE_STORE(2, sums + 16 * NR, NR * 4);
    TILE_STORE(3, sums + 16 * NR + VL, NR * 4);
    store_sums(t, mr, sums);
}
