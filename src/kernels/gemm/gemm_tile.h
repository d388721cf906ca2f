/* SPDX-License-Identifier: MIT
 *
 * The register tile of FP32 sums whose A is FP32. Included by gemm_tmpl.h only.
 */
/* B's elements: FP32, or FP16 where an instance defines GEMM_B as uint16_t. */
#if defined(GEMM_B)
GEMM_FN vf b_load(const GEMM_B *p) { return v_load_f16(p); }
#else
#define GEMM_B float
GEMM_FN vf b_load(const GEMM_B *p) { return v_load(p); }
#endif

GEMM_BODY void tile_body(const tile *t, const int mr, const int nv) {
    vf acc[MR][NV];
    GEMM_UNROLL(16)
    for (int i = 0; i < mr; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const GEMM_B *b = t->b;
    const int64_t ld = t->lda * 4, pace = t->pace;
    const char *ahead = t->ahead;
    int64_t room = t->chain;
    bool more = false;
    for (int64_t s = 0; s < t->nseg; s++) {
        const char *p[(MR + 2) / 3]; /* three rows share a pointer: p, p + ld, p + 2 ld are addressing modes */
        GEMM_UNROLL(8)
        for (int i = 0; i < (mr + 2) / 3; i++) p[i] = (const char *)(t->a + s * t->seg) + 3 * i * ld;
        for (int64_t left = t->k; left > 0;) {
            if (room == 0) {
                hold(t->held, mr, nv, more, acc);
                more = true, room = t->chain;
            }
            int64_t k = left < room ? left : room;
            left -= k, room -= k;
            GEMM_UNROLL(2)
            for (; k > 0; k--) {
                vf bv[NV];
                GEMM_UNROLL(4)
                for (int j = 0; j < nv; j++) bv[j] = b_load(b + j * VL);
                b += NR;
                __builtin_prefetch(ahead, 0, 2);
                ahead += pace;
                GEMM_UNROLL(16)
                for (int i = 0; i < mr; i++) {
                    vf x = v_set1(*(const float *)(p[i / 3] + (i % 3) * ld));
                    GEMM_UNROLL(4)
                    for (int j = 0; j < nv; j++) acc[i][j] = v_fma(x, bv[j], acc[i][j]);
                }
                GEMM_UNROLL(8)
                for (int i = 0; i < (mr + 2) / 3; i++) p[i] += 4;
            }
        }
    }
    if (more) release(t->held, mr, nv, acc);
    tile_store(t, mr, nv, acc);
}

/* One row: four K steps side by side, since two accumulators would wait for each other. */
GEMM_BODY void tile_row(const tile *t, const int nv) {
    vf acc[4][NV];
    GEMM_UNROLL(4)
    for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) acc[i][j] = v_set1(0.0f);
    const GEMM_B *b = t->b;
    for (int64_t s = 0; s < t->nseg; s++) {
        const float *a = t->a + s * t->seg;
        int64_t k = 0;
        for (; k + 4 <= t->k; k += 4, b += 4 * NR) GEMM_UNROLL(4)
        for (int i = 0; i < 4; i++) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[i][j] = v_fma(v_set1(a[k + i]), b_load(b + i * NR + j * VL), acc[i][j]);
        for (; k < t->k; k++, b += NR) GEMM_UNROLL(4)
        for (int j = 0; j < nv; j++) acc[0][j] = v_fma(v_set1(a[k]), b_load(b + j * VL), acc[0][j]);
    }
    vf sum[MR][NV];
    GEMM_UNROLL(4)
    for (int j = 0; j < nv; j++) sum[0][j] = v_add(v_add(acc[0][j], acc[1][j]), v_add(acc[2][j], acc[3][j]));
    tile_store(t, 1, nv, sum);
}
