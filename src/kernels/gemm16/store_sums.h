/* SPDX-License-Identifier: MIT
 *
 * What gemm_tmpl.h's tile_store does, from sums in memory, NR to a row. Included by tile headers only.
 */
static void store_sums(const tile *t, int mr, const float *sums) {
    for (int i = 0; i < mr; i++, sums += NR) {
        float *c = t->c + i * t->ldc;
        const float *res = t->res ? t->res + i * t->ldr : NULL;
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
