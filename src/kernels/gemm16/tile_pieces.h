/* SPDX-License-Identifier: MIT
 *
 * The tile of 32 x 32 sums in four AMX tiles of FP32 in three BF16 pieces: A's are made while it is copied, each in a
 * plane of the workspace, B's lie beside each other in the panel. Six of the nine products are summed; the others are
 * below what FP32 keeps. Included by gemm_tmpl.h only.
 */
#include "kernels/gemm16/tile_tail.h"
#define LOOK_AGAIN 1
#include "kernels/gemm16/store_sums.h"

enum { PIECE_BYTES = NR * 4 };
enum { PLANE = MR * (KC + KC / 2 + 16) }; /* elements: the most rows of the most columns */
_Static_assert(3 * PLANE * 2 <= K_GEMM_MR_MAX * (2 * K_GEMM_KC + 32) * 4, "three planes fit k_gemm_workspace()");

/* x to nearest even BF16, as FP32; x is finite and not above BF16's range. */
GEMM_FN vf round_to_bf16(vf x) {
    vi u = vf_as_vi(x), odd = vi_and(vi_sar(u, 16), vi_set1(1));
    return vi_as_vf(vi_and(vi_add(u, vi_add(odd, vi_set1(0x7fff))), vi_set1((int32_t)0xffff0000)));
}

/* What is not finite is its first piece. */
GEMM_FN void split(uint16_t *p, vf x, int64_t n) {
    const vf most = v_set1(0x1.fep127f), least = v_set1(-0x1.fep127f);
    const vm finite = v_le(v_abs(x), v_set1(0x1.fffffep127f));
    for (int i = 0; i < 3; i++, p += PLANE) {
        uint16_t t[VL];
        vf piece = v_blend(finite, round_to_bf16(v_min(most, v_max(least, x))), x);
        v_store_bf16(t, piece);
        memcpy(p, t, (size_t)n * 2);
        x = v_blend(finite, v_sub(x, piece), v_set1(0.0f));
    }
}
GEMM_FN void copy_a(uint16_t *dst, const float *src, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) split(dst + i, v_load(src + i), VL);
    if (i < n) split(dst + i, v_load_n(src + i, n - i), n - i);
}
GEMM_FN void zero_a(uint16_t *dst, int64_t n) {
    for (int i = 0; i < 3; i++) memset(dst + i * PLANE, 0, (size_t)n * 2);
}

#define LOAD_A(piece)                                                                                                  \
    TILE_LOAD(4, a + 2 * PLANE * piece, ld);                                                                           \
    if (low) TILE_LOAD(5, a + 2 * PLANE * piece + 16 * ld, ld)
#define LOAD_B(piece)                                                                                                  \
    TILE_LOAD(6, b + PIECE_BYTES * piece, STEP_BYTES);                                                                 \
    if (wide) TILE_LOAD(7, b + PIECE_BYTES * piece + 64, STEP_BYTES)
#define DOTS                                                                                                           \
    TILE_DOT_BF16(0, 4, 6);                                                                                            \
    if (wide) TILE_DOT_BF16(1, 4, 7);                                                                                  \
    if (low) TILE_DOT_BF16(2, 5, 6);                                                                                   \
    if (low && wide) TILE_DOT_BF16(3, 5, 7)

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
        LOAD_A(0); /* the small products first; each step loads one side */
        LOAD_B(2);
        DOTS;
        LOAD_B(1);
        DOTS;
        LOAD_A(1);
        DOTS;
        LOAD_B(0);
        DOTS;
        LOAD_A(2);
        DOTS;
        LOAD_A(0);
        DOTS;
    }
    TILE_STORE(0, sums, NR * 4);
    TILE_STORE(1, sums + VL, NR * 4);
    TILE_STORE(2, sums + 16 * NR, NR * 4);
    TILE_STORE(3, sums + 16 * NR + VL, NR * 4);
    store_sums(t, mr, sums);
}
