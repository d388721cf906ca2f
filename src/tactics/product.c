/* SPDX-License-Identifier: MIT
 *
 * Threads share a product by rows or by panels: whichever operand is larger is cut, so that each thread reads its own
 * part of it once and the smaller one is read by all.
 */
#include "tactics/product.h"

enum { PIECE_FLOPS = 2000000 }; /* about 10 us of one core: less is not worth a hand-over */

typedef struct job {
    const k_gemm *k;
    const k_gemm_args *g;
    char *workspace;
    int64_t panels;
    float *packed;
    const k_pack_src *src;
} job;

static void rows(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    int64_t m0 = begin * j->k->mr, m1 = i64_min(end * j->k->mr, j->g->m);
    j->k->run(j->g, m0, m1, 0, j->panels, j->workspace + product_workspace() * (size_t)worker);
}

static void panels(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    j->k->run(j->g, 0, j->g->m, begin, end, j->workspace + product_workspace() * (size_t)worker);
}

static int64_t grain_of(double flops, int64_t units) {
    return (int64_t)(PIECE_FLOPS / (flops / (double)units + 1)) + 1;
}

void product_run(pool *p, const k_gemm *k, const k_gemm_args *g, void *workspace) {
    if (g->m <= 0 || g->n <= 0) return;
    int64_t threads = pool_threads(p), tiles = (g->m + k->mr - 1) / k->mr;
    job j = {.k = k, .g = g, .workspace = workspace, .panels = k_gemm_panels(k, g->n)};
    double flops = 2.0 * (double)g->m * (double)g->n * (double)(g->k + 1);
    bool by_panels = tiles < 2 * threads || (g->n >= g->m && j.panels >= 4 * threads);
    if (by_panels) parallel_for(p, j.panels, grain_of(flops, j.panels), panels, &j);
    else parallel_for(p, tiles, grain_of(flops, tiles), rows, &j);
}

static void pack(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    k_gemm_pack(j->k, j->packed, j->src, begin, end);
}

void product_pack(pool *p, const k_gemm *k, float *dst, const k_pack_src *s) {
    job j = {.k = k, .packed = dst, .src = s};
    int64_t floats = s->taps * s->channels * k->nr;
    parallel_for(p, k_gemm_panels(k, s->n), 1 + 32768 / (floats + 1), pack, &j);
}

const char *product_refuses(const tactic_query *q, k_gemm16_way way, float scale) {
    if (!q_const(q, 1)) return "weights are not constant";
    if (!k_gemm16_pick(way, q->cpu)) return "the CPU level has no instruction for it";
    const naru_tensor *w = q_tensor(q, 1);
    if ((way == K_FP16 || way == K_FP16_FMA) && !k_gemm16_fits(w->data, tensor_count(w), scale))
        return "a weight is beyond FP16's range";
    return NULL;
}

enum { FEW_ROWS = 16, FEW_CHANNELS = 16 };

const char *product_slow(const tactic_query *q, k_gemm16_way way, product_size s) {
    if (q->cpu == CPU_REF) return "not faster in plain C";
    if (way == K_FP32_TILE) return "faster for some shapes only: timing tells";
    bool few = s.rows && s.rows <= FEW_ROWS, read = tensor_bytes(q_tensor(q, 1)) > (size_t)cpu_cache_l2() / 2;
    if (way != K_BF16 && way != K_FP16) {
        if (few && read) return "reading the weights takes longer than multiplying them";
        if (way == K_BF16_DOT && !cpu_dot_bf16_is_fast()) return "this CPU multiplies BF16 pairs slower than FP32";
        return s.channels < FEW_CHANNELS ? "rows are gathered in small pieces" : NULL;
    }
    /* FP32 products on 16-bit weights: the gain is what is not read */
    if (!few) return "many rows share each weight that is read";
    return read ? NULL : "FP32 weights stay in the cache too";
}

int64_t typical_product(const tactic_query *q, const dim_t *d, int n) {
    int64_t p = 1;
    for (int i = 0; i < n; i++) {
        dim_t x = q_typical(q, d[i]);
        if (!dim_is_known(x) || x > (1 << 30) || p > (1 << 30)) return 0;
        p *= x;
    }
    return p;
}
