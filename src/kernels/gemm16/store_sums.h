/* SPDX-License-Identifier: MIT
 *
 * What gemm_tmpl.h's tile_store does, from sums in memory, NR to a row. Where the tile's header defines LOOK_AGAIN, a
 * row with a sum that is not finite is summed anew from A itself. Included by tile headers only.
 */
#if defined(LOOK_AGAIN)
static bool are_finite(const float *sums) {
    vf off = v_set1(0.0f);
    for (int j = 0; j < NR; j += VL) {
        vf x = v_load(sums + j);
        off = v_add(off, v_sub(x, x)); /* 0 or NaN */
    }
    return v_hsum(off) == 0;
}
#endif

static void store_sums(const tile *t, int mr, float *sums) {
    for (int i = 0; i < mr; i++, sums += NR) {
        float *c = t->c + i * t->ldc;
        const float *res = t->res ? t->res + i * t->ldr : NULL;
#if defined(LOOK_AGAIN)
        if (!are_finite(sums))
            k_gemm_ref_sums(t->g, GEMM_FORM, NR, t->row + i, t->col, t->n, t->k0, t->k0 + t->k, sums);
#endif
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
}
