/* SPDX-License-Identifier: MIT
 *
 * The register tile of FP32 sums of BF16 pairs, A rounded while it is copied. Included by gemm_tmpl.h only.
 */
#include "kernels/gemm16/narrow_bf16.h"

GEMM_FN vi a_pair(const char *p) {
    int32_t w;
    memcpy(&w, p, 4);
    return vi_set1(w);
}

GEMM_BODY void tile_body(const tile *t, const int mr, const int nv) {
    vf acc[MR][NV];
    GEMM_UNROLL(16)
    for (int i = 0; i < mr; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const int32_t *b = t->b;
    const int64_t ld = t->lda * 2, pace = t->pace;
    const char *ahead = t->ahead;
    const char *p[(MR + 2) / 3];
    GEMM_UNROLL(8)
    for (int i = 0; i < (mr + 2) / 3; i++) p[i] = (const char *)t->a + 3 * i * ld;
    GEMM_UNROLL(2)
    for (int64_t k = t->k; k > 0; k -= 2, b += NR) {
        vi bv[NV];
        GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) bv[j] = vi_load(b + j * VL);
        __builtin_prefetch(ahead, 0, 2);
        ahead += pace;
        GEMM_UNROLL(16)
        for (int i = 0; i < mr; i++) {
            vi x = a_pair(p[i / 3] + (i % 3) * ld);
            GEMM_UNROLL(4)
            for (int j = 0; j < nv; j++) acc[i][j] = v_dot_bf16(acc[i][j], x, bv[j]);
        }
        GEMM_UNROLL(8)
        for (int i = 0; i < (mr + 2) / 3; i++) p[i] += 4;
    }
    tile_store(t, mr, nv, acc);
}

GEMM_BODY void tile_row(const tile *t, const int nv) {
    vf acc[4][NV];
    GEMM_UNROLL(4)
    for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const int32_t *b = t->b;
    const char *a = (const char *)t->a;
    int64_t k = t->k;
    for (; k > 6; k -= 8, a += 16, b += 4 * NR) GEMM_UNROLL(4)
    for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_dot_bf16(acc[i][j], a_pair(a + 4 * i), vi_load(b + i * NR + j * VL));
    for (; k > 0; k -= 2, a += 4, b += NR) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[0][j] = v_dot_bf16(acc[0][j], a_pair(a), vi_load(b + j * VL));
    vf sum[MR][NV];
    GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) sum[0][j] = v_add(v_add(acc[0][j], acc[1][j]), v_add(acc[2][j], acc[3][j]));
    tile_store(t, 1, nv, sum);
}
