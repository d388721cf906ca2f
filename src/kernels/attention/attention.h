/* SPDX-License-Identifier: MIT
 *
 * Fused attention in FP32 for one (batch, head): O = softmax(scale * Q K^T + mask) V, online over blocks of keys, so
 * that no [queries, keys] matrix exists.
 *
 *   q [sq, d] rows ldq apart; k [sk, d] rows ldk apart, or with k_transposed [d, sk]; v [sk, dv] rows ldv apart;
 *   o [sq, dv] rows ldo apart; mask [sq, sk] added to the scores, rows ldm apart (0: one row for all), or NULL.
 *   causal: query i sees keys j <= i + offset.
 * A query that sees no key (or only -inf) gives what `empty` says: zeros, or NaN as the plain formula.
 * run(): queries [begin, end). Workspace: k_attention_workspace(a) bytes per thread.
 * Error: a few eps more than the unfused formula with sums in FP32.
 */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"

enum { K_ATT_QUERIES = 64, K_ATT_KEYS = 64 }; /* a block: keep begin a multiple of K_ATT_QUERIES apart */

typedef struct k_attention_args {
    float *o;
    const float *q, *k, *v, *mask;
    int64_t sq, sk, d, dv;
    int64_t ldq, ldk, ldv, ldo, ldm;
    int64_t offset; /* causal only */
    float scale;
    bool k_transposed, causal, empty_is_nan;
} k_attention_args;

static inline int64_t k_attention_workspace(const k_attention_args *a) {
    int64_t columns = a->d + a->dv + K_ATT_KEYS + 3; /* Q, O, scores, maxima, sums, factors: all [.., queries] */
    return (columns * K_ATT_QUERIES + 16) * (int64_t)sizeof(float);
}

typedef struct k_attention {
    void (*run)(const k_attention_args *a, int64_t begin, int64_t end, void *workspace);
} k_attention;

#define KERNEL(level, symbol) extern const k_attention symbol;
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/attention/attention.def"
#undef PORTABLE
#undef KERNEL

/* The first of the list that `level` allows. */
const k_attention *k_attention_pick(cpu_level level);

#endif
