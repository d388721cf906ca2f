/* SPDX-License-Identifier: MIT
 *
 * The register tile of FP32 sums whose A is FP32 and whose B is BF16 in pairs along k: a word's halves become FP32 by
 * a shift and a mask. Products and sums are those of gemm_tile.h, in its order. Included by gemm_tmpl.h only.
 */
GEMM_FN vf b_even(const int32_t *p) { return vi_as_vf(vi_shl(vi_load(p), 16)); }
GEMM_FN vf b_odd(const int32_t *p) { return vi_as_vf(vi_and(vi_load(p), vi_set1((int32_t)0xffff0000))); }

/* One step along k: rows of A broadcast at p[i / 3] + (i % 3) ld. */
GEMM_FN void tile_step(const int mr, const int nv, vf acc[MR][NV], const char *const *p, int64_t ld, const vf *b) {
    GEMM_UNROLL(16)
    for (int i = 0; i < mr; i++) {
        vf x = v_set1(*(const float *)(const void *)(p[i / 3] + (i % 3) * ld));
        GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[i][j] = v_fma(x, b[j], acc[i][j]);
    }
}

GEMM_BODY void tile_body(const tile *t, const int mr, const int nv) {
    vf acc[MR][NV], bv[NV];
    GEMM_UNROLL(16)
    for (int i = 0; i < mr; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const int32_t *b = t->b;
    const int64_t ld = t->lda * 4, pace = t->pace;
    const char *ahead = t->ahead;
    int64_t room = t->chain;
    bool more = false;
    for (int64_t s = 0; s < t->nseg; s++) {
        const char *p[(MR + 2) / 3];
        GEMM_UNROLL(8)
        for (int i = 0; i < (mr + 2) / 3; i++) p[i] = (const char *)(t->a + s * t->seg) + 3 * i * ld;
        for (int64_t left = t->k; left > 0;) {
            if (room == 0) {
                hold(t->held, mr, nv, more, acc);
                more = true, room = t->chain;
            }
            int64_t k = left < room ? left : room;
            left -= k, room -= k;
            for (; k > 0; k -= 2, b += NR) {
                GEMM_UNROLL(4)
                for (int j = 0; j < nv; j++) bv[j] = b_even(b + j * VL);
                __builtin_prefetch(ahead, 0, 2);
                ahead += pace;
                tile_step(mr, nv, acc, p, ld, bv);
                if (k == 1) break;
                GEMM_UNROLL(8)
                for (int i = 0; i < (mr + 2) / 3; i++) p[i] += 4;
                GEMM_UNROLL(4)
                for (int j = 0; j < nv; j++) bv[j] = b_odd(b + j * VL);
                tile_step(mr, nv, acc, p, ld, bv);
                GEMM_UNROLL(8)
                for (int i = 0; i < (mr + 2) / 3; i++) p[i] += 4;
            }
        }
    }
    if (more) release(t->held, mr, nv, acc);
    tile_store(t, mr, nv, acc);
}

GEMM_BODY void tile_row(const tile *t, const int nv) {
    vf acc[4][NV];
    GEMM_UNROLL(4)
    for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const int32_t *b = t->b;
    for (int64_t s = 0; s < t->nseg; s++) {
        const float *a = t->a + s * t->seg;
        int64_t k = 0;
        for (; k + 4 <= t->k; k += 4, b += 2 * NR) GEMM_UNROLL(4)
        for (int i = 0; i < 4; i += 2) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) {
            const int32_t *w = b + i / 2 * NR + j * VL;
            acc[i][j] = v_fma(v_set1(a[k + i]), b_even(w), acc[i][j]);
            acc[i + 1][j] = v_fma(v_set1(a[k + i + 1]), b_odd(w), acc[i + 1][j]);
        }
        for (; k < t->k; k += 2, b += NR) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) {
            acc[0][j] = v_fma(v_set1(a[k]), b_even(b + j * VL), acc[0][j]);
            if (k + 1 < t->k) acc[0][j] = v_fma(v_set1(a[k + 1]), b_odd(b + j * VL), acc[0][j]);
        }
    }
    vf sum[MR][NV];
    GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) sum[0][j] = v_add(v_add(acc[0][j], acc[1][j]), v_add(acc[2][j], acc[3][j]));
    tile_store(t, 1, nv, sum);
}
