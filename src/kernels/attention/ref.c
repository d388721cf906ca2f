/* SPDX-License-Identifier: MIT
 *
 * Attention in plain C, three passes per query with sums in double: the oracle of attention_tmpl.h.
 */
#include "kernels/attention/attention.h"

#include <math.h>

static double score(const k_attention_args *a, int64_t i, int64_t j) {
    if (a->causal && j > i + a->offset) return -INFINITY;
    double s = 0;
    for (int64_t t = 0; t < a->d; t++)
        s += (double)a->q[i * a->ldq + t] * (double)(a->k_transposed ? a->k[t * a->ldk + j] : a->k[j * a->ldk + t]);
    return s * (double)a->scale + (a->mask ? (double)a->mask[i * a->ldm + j] : 0);
}

static void query(const k_attention_args *a, int64_t i) {
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < a->sk; j++) max = fmax(max, score(a, i, j));
    bool empty = max == -INFINITY && !a->empty_is_nan;
    for (int64_t j = 0; j < a->sk; j++) sum += empty ? 1 : exp(score(a, i, j) - max);
    for (int64_t t = 0; t < a->dv; t++) {
        double o = 0;
        for (int64_t j = 0; j < a->sk && !empty; j++)
            o += exp(score(a, i, j) - max) / sum * (double)a->v[j * a->ldv + t];
        a->o[i * a->ldo + t] = a->sk == 0 && a->empty_is_nan ? NAN : (float)o;
    }
}

static void run_ref(const k_attention_args *a, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    for (int64_t i = begin; i < end; i++) query(a, i);
}

const k_attention k_attention_ref = {run_ref};
