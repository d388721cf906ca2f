/* SPDX-License-Identifier: MIT
 *
 * Packing of B for the integer products: see qgemm.h for the layout.
 */
#include <string.h>

#include "kernels/qgemm/qgemm.h"

static int32_t element(const k_qgemm_src *s, int64_t k, int64_t j) {
    const uint8_t *p = (const uint8_t *)s->src + k * s->sk + j * s->sj;
    return s->is_signed ? (int8_t)*p : *p;
}

/* Group 2: s16 pairs less their zero point. */
static void pack2(const k_qgemm_src *s, char *panel, int64_t j0, int nr) {
    int64_t pairs = (s->k + 1) / 2;
    memset(panel, 0, (size_t)((pairs + 2) * nr * 4));
    for (int64_t j = j0; j < s->n && j < j0 + nr; j++) {
        int32_t z = s->zb[j * s->zb_step];
        for (int64_t k = 0; k < s->k; k++) {
            int16_t v = (int16_t)(element(s, k, j) - z);
            memcpy(panel + (k / 2 * nr + j - j0) * 4 + k % 2 * 2, &v, 2);
        }
    }
}

/* Group 4: s8 quadruples; zero points shifted alike, and column sums, behind them. */
static void pack4(const k_qgemm_src *s, char *panel, int64_t j0, int nr) {
    int64_t quads = (s->k + 3) / 4;
    int32_t shift = s->is_signed ? 0 : 128;
    memset(panel, 0, (size_t)((quads + 2) * nr * 4));
    for (int64_t j = j0; j < s->n && j < j0 + nr; j++) {
        int32_t z = s->zb[j * s->zb_step] - shift, sum = 0;
        for (int64_t k = 0; k < s->k; k++) {
            int32_t v = element(s, k, j) - shift;
            panel[(k / 4 * nr + j - j0) * 4 + k % 4] = (char)v;
            sum += v;
        }
        memcpy(panel + (quads * nr + j - j0) * 4, &z, 4);
        memcpy(panel + ((quads + 1) * nr + j - j0) * 4, &sum, 4);
    }
}

void k_qgemm_pack(const k_qgemm *q, void *packed, const k_qgemm_src *s) {
    for (int64_t p = 0; p < k_qgemm_panels(q, s->n); p++) {
        char *panel = (char *)packed + p * k_qgemm_panel_bytes(q, s->k);
        if (q->group == 2) pack2(s, panel, p * q->nr, q->nr);
        else pack4(s, panel, p * q->nr, q->nr);
    }
}
