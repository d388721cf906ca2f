/* SPDX-License-Identifier: MIT
 *
 * The integer product in plain C over the group 2 packing: the oracle of qgemm_tmpl.h.
 */
#include <string.h>

#include "kernels/qgemm/qgemm.h"

#define FN(name) name##_ref
#include "kernels/qgemm/convert.h"

enum { NR = 32 };

static int32_t cell(const k_qgemm_args *g, int64_t i, int64_t j) {
    const uint8_t *a = (const uint8_t *)g->a + i * g->lda;
    int64_t panel = ((g->k + 1) / 2 + 2) * NR * 4;
    const char *b = (const char *)g->b + j / NR * panel + j % NR * 4;
    uint32_t s = 0;
    for (int64_t k = 0; k < g->k; k++) {
        int16_t v;
        memcpy(&v, b + k / 2 * NR * 4 + k % 2 * 2, 2);
        int32_t x = (g->a_signed ? (int8_t)a[k] : a[k]) - g->za[i * g->za_step];
        s += (uint32_t)(x * v);
    }
    return (int32_t)s;
}

static void run_ref(const k_qgemm_args *g, int64_t m0, int64_t m1, int64_t p0, int64_t p1, void *workspace) {
    (void)workspace;
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = p0 * NR; j < p1 * NR && j < g->n; j++) g->c[i * g->ldc + j] = cell(g, i, j);
}

static void rows_ref(const k_qgemm_rows *g, int64_t m, int64_t p0, int64_t p1) {
    int64_t pairs = g->taps * g->words, panel = (pairs + 2) * NR * 4;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = p0 * NR; j < p1 * NR; j++) {
            const char *b = (const char *)g->b + j / NR * panel + j % NR * 4;
            uint32_t s = (uint32_t)g->init[j];
            for (int64_t w = 0; w < pairs; w++) {
                int16_t x[2], y[2];
                memcpy(x, g->rows[i] + g->offset[w / g->words] + w % g->words * 4, 4);
                memcpy(y, b + w * NR * 4, 4);
                s += (uint32_t)(x[0] * y[0]) + (uint32_t)(x[1] * y[1]);
            }
            g->c[i * g->ldc + j] = (int32_t)s;
        }
}

static void finish_all_ref(const k_qepilogue *e, const k_qfinish *f) { finish_from_ref(e, 0, f); }

const k_qgemm k_qgemm_ref = {2,        NR,          run_ref,    quantize_ref, dequantize_ref, requantize_ref,
                             rows_ref, widen16_ref, finish_all_ref, add_ref,      depthwise_ref,  sum_ref,
                             max_ref,  range_ref};
