/* SPDX-License-Identifier: MIT
 *
 * The register tile of FP16 products: sums of up to SHORT products in FP16 registers, two to a panel's row, then added
 * to FP32 sums in memory. A is rounded while it is copied, each element twice, so that a word broadcast fills a vector
 * of halves. Included by gemm_tmpl.h only.
 */
enum { SHORT = 32, HALVES = 2 * VL };

GEMM_FN uint32_t a_of(float x) {
    uint32_t t[VL];
    v_store_f16_twice(t, v_set1(x));
    return t[0];
}
GEMM_FN void copy_a(uint32_t *dst, const float *src, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store_f16_twice(dst + i, v_load(src + i));
    if (i == n) return;
    uint32_t t[VL];
    v_store_f16_twice(t, v_load_n(src + i, n - i));
    memcpy(dst + i, t, (size_t)(n - i) * 4);
}
GEMM_FN void zero_a(uint32_t *dst, int64_t n) { memset(dst, 0, (size_t)n * 4); }

/* Keeps the compiler from spreading an array over more registers than there are. */
#define IN_MEMORY(p) __asm__("" : "+r"(p))

/* sum += x, a vector of halves; sum = x for the first. */
GEMM_FN void add_halves(float *sum, vh x, bool first) {
    vf lo = vh_low(x), hi = vh_high(x);
    v_store(sum, first ? lo : v_add(v_load(sum), lo));
    v_store(sum + VL, first ? hi : v_add(v_load(sum + VL), hi));
}

#define LOOK_AGAIN 1
#include "kernels/gemm16/store_sums.h"

GEMM_BODY void tile_body(const tile *t, const int mr, const int nv) {
    _Alignas(64) float memory[MR * NR], *sums = memory;
    IN_MEMORY(sums);
    const uint16_t *b = t->b;
    const int64_t ld = t->lda * 4, pace = t->pace;
    const char *ahead = t->ahead, *p[(MR + 2) / 3];
    GEMM_UNROLL(8)
    for (int i = 0; i < (mr + 2) / 3; i++) p[i] = (const char *)t->a + 3 * i * ld;
    int64_t k = 0;
    do {
        vh acc[MR][2];
        GEMM_UNROLL(16)
        for (int i = 0; i < mr; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[i][j] = vh_pairs(0);
        for (int64_t left = t->k - k < SHORT ? t->k - k : SHORT; left > 0; left--, b += NR) {
            vh bv[2];
            GEMM_UNROLL(4)
            for (int j = 0; j < nv; j++) bv[j] = vh_load(b + j * HALVES);
            __builtin_prefetch(ahead, 0, 2);
            ahead += pace;
            GEMM_UNROLL(16)
            for (int i = 0; i < mr; i++) {
                vh x = vh_pairs(*(const int32_t *)(const void *)(p[i / 3] + (i % 3) * ld));
                GEMM_UNROLL(4)
                for (int j = 0; j < nv; j++) acc[i][j] = vh_fma(x, bv[j], acc[i][j]);
            }
            GEMM_UNROLL(8)
            for (int i = 0; i < (mr + 2) / 3; i++) p[i] += 4;
        }
        GEMM_UNROLL(16)
        for (int i = 0; i < mr; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) add_halves(sums + i * NR + j * HALVES, acc[i][j], k == 0);
        k += SHORT;
    } while (k < t->k);
    store_sums(t, mr, sums);
}

/* One row: four K steps side by side. */
GEMM_BODY void tile_row(const tile *t, const int nv) {
    _Alignas(64) float memory[NR], *sums = memory;
    IN_MEMORY(sums);
    const uint16_t *b = t->b;
    const int32_t *a = (const int32_t *)t->a;
    int64_t k = 0;
    do {
        vh acc[4][2];
        GEMM_UNROLL(4)
        for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[i][j] = vh_pairs(0);
        int64_t end = k + SHORT < t->k ? k + SHORT : t->k, first = k;
        for (; k + 4 <= end; k += 4, b += 4 * NR) GEMM_UNROLL(4)
        for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++)
            acc[i][j] = vh_fma(vh_pairs(a[k + i]), vh_load(b + i * NR + j * HALVES), acc[i][j]);
        for (; k < end; k++, b += NR) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[0][j] = vh_fma(vh_pairs(a[k]), vh_load(b + j * HALVES), acc[0][j]);
        GEMM_UNROLL(4)
        for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) add_halves(sums + j * HALVES, acc[i][j], first == 0 && i == 0);
    } while (k < t->k);
    store_sums(t, 1, sums);
}
