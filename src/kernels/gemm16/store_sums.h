/* SPDX-License-Identifier: MIT
 *
 * What gemm_tmpl.h's tile_store does, for sums in memory, NR to a row. Where the tile's header defines LOOK_AGAIN, a
 * row with a sum that is not finite is summed anew from A itself. Included by tile headers only.
 */
#if defined(LOOK_AGAIN)
/* Of the n columns that there are: a tile need not have written the others. */
static bool are_finite(const float *sums, int64_t n) {
    vf off = v_set1(0.0f);
    for (int64_t j = 0; j < n; j += VL) {
        vf x = v_load(sums + j);
        off = v_add(off, v_sub(x, x)); /* 0 or NaN */
    }
    return v_hsum(off) == 0;
}
#endif

static void store_sums(const tile *t, int mr, float *sums) {
    for (int i = 0; i < mr; i++, sums += NR) {
#if defined(LOOK_AGAIN)
        if (!are_finite(sums, t->n))
            k_gemm_ref_sums(t->g, GEMM_FORM, NR, t->row + i, t->col, t->n, t->k0, t->k0 + t->k, sums);
#endif
        store_row(t, i, sums);
    }
}
