/* SPDX-License-Identifier: MIT
 *
 * What the tests of the products share: packed operands, random epilogues and convolutions, and the shapes that --bench
 * times.
 */
#ifndef GEMM_SHAPES_H
#define GEMM_SHAPES_H

#include "kcheck.h"
#include "kernels/gemm/gemm.h"

KC_UNUSED static float *packed(const k_gemm *k, const k_pack_src *s) {
    int64_t floats = k_gemm_packed_floats(k, s->n, s->taps * s->channels);
    float *p = aligned_alloc(64, ((size_t)floats * 4 + 127) / 64 * 64);
    assert_non_null(p);
    k_gemm_pack(k, p, s, 0, k_gemm_panels(k, s->n));
    return p;
}

/* Three pieces of rows and panels, cut at random. */
KC_UNUSED static void run_in_pieces(const k_gemm *k, const k_gemm_args *g, void *ws) {
    int64_t mid = kc_int(0, g->m), panels = k_gemm_panels(k, g->n), pmid = kc_int(0, panels);
    k->run(g, 0, mid, 0, pmid, ws);
    k->run(g, mid, g->m, 0, pmid, ws);
    k->run(g, 0, g->m, pmid, panels, ws);
}

KC_UNUSED static void random_epilogue(k_gemm_args *g, kc_buf *bias, kc_buf *res) {
    *bias = kc_floats(g->n, -1, 1), *res = kc_floats(g->m * g->ldc, -1, 1);
    if (kc_int(0, 1)) g->bias = kc_f(bias);
    if (kc_int(0, 2) == 0) g->residual = kc_f(res), g->ldr = g->ldc;
    g->act = (k_act)kc_int(0, K_ACTS - 1);
    g->p = g->act == K_ACT_CLIP ? 0.0f : 0.2f, g->q = g->act == K_ACT_CLIP && kc_int(0, 1) ? INFINITY : 0.5f;
}

KC_UNUSED static void geometry(k_conv_geom *v, int dims) {
    for (int d = 0; d < K_CONV_DIMS; d++) {
        bool used = d >= K_CONV_DIMS - dims;
        v->kernel[d] = used ? kc_int(1, dims == 3 ? 2 : 4) : 1;
        v->stride[d] = used ? kc_int(1, 3) : 1;
        v->dilation[d] = used && kc_int(0, 2) == 0 ? kc_int(1, 3) : 1;
        v->pad[d] = used && kc_int(0, 1) ? kc_int(-1, 3) : 0;
        int64_t reach = (v->kernel[d] - 1) * v->dilation[d] + 1, after = used ? kc_int(0, 2) : 0;
        v->in[d] = used ? reach + kc_int(1, dims == 1 ? 60 : dims == 2 ? 16 : 5) : 1;
        v->out[d] = (v->in[d] + v->pad[d] + after - reach) / v->stride[d] + 1;
    }
}

typedef struct shape {
    const char *name;
    int64_t m, n, k, hw, taps, stride; /* hw > 0: convolution of hw x hw, `taps` = kernel size; "padded": hw holds it */
} shape;
KC_UNUSED static const shape shapes[] = {
    {"in L1 14x32x256", 14, 32, 256, 0, 1, 1},
    {"256^3", 256, 256, 256, 0, 1, 1},
    {"512^3", 512, 512, 512, 0, 1, 1},
    {"1024^3", 1024, 1024, 1024, 0, 1, 1},
    {"bert 128x768x768", 128, 768, 768, 0, 1, 1},
    {"bert 128x3072x768", 128, 3072, 768, 0, 1, 1},
    {"bert 128x768x3072", 128, 768, 3072, 0, 1, 1},
    {"vit 197x2304x768", 197, 2304, 768, 0, 1, 1},
    {"1000x1024x1000", 1000, 1024, 1000, 0, 1, 1},
    {"1024x1000x1024", 1024, 1000, 1024, 0, 1, 1},
    {"1024x1024x512", 1024, 1024, 512, 0, 1, 1},
    {"fc 1x1000x2048", 1, 1000, 2048, 0, 1, 1},
    {"1x1 56 64->64", 0, 64, 64, 56, 1, 1},
    {"1x1 56 64->256", 0, 256, 64, 56, 1, 1},
    {"1x1 56 256->64", 0, 64, 256, 56, 1, 1},
    {"1x1 28 512->128", 0, 128, 512, 28, 1, 1},
    {"1x1 14 1024->256", 0, 256, 1024, 14, 1, 1},
    {"1x1 14 256->1024", 0, 1024, 256, 14, 1, 1},
    {"1x1 7 2048->512", 0, 512, 2048, 7, 1, 1},
    {"1x1 56 256->512 /2", 0, 512, 256, 56, 1, 2},
    {"3x3 56 64->64", 0, 64, 64, 56, 3, 1},
    {"3x3 28 128->128", 0, 128, 128, 28, 3, 1},
    {"3x3 14 256->256", 0, 256, 256, 14, 3, 1},
    {"3x3 7 512->512", 0, 512, 512, 7, 3, 1},
    {"3x3 56 128->128 /2", 0, 128, 128, 56, 3, 2},
    {"7x7 224 3->64 /2", 0, 64, 3, 224, 7, 2},
    {"3x3 224 3->32", 0, 32, 3, 224, 3, 1},
    {"3x3 224 32->64", 0, 64, 32, 224, 3, 1},
    {"7x7 230 3->64 /2 padded", 0, 64, 3, 230, 7, 2},
    {"3x3 226 3->32 padded", 0, 32, 3, 226, 3, 1},
};

/* GFLOP/s of a kernel of gemm or gemm16. */
KC_UNUSED static double bench_shape(const k_gemm *k, const shape *h, int reps) {
    int64_t pad = strstr(h->name, "padded") ? 0 : h->taps / 2;
    k_conv_geom v = {.channels = h->k,
                     .ld = h->k,
                     .in = {1, h->hw, h->hw},
                     .kernel = {1, h->taps, h->taps},
                     .stride = {1, h->stride, h->stride},
                     .dilation = {1, 1, 1},
                     .pad = {0, pad, pad}};
    int64_t o = h->hw ? (h->hw + 2 * v.pad[1] - h->taps) / h->stride + 1 : 0;
    v.out[0] = 1, v.out[1] = v.out[2] = o;
    bool rows = !h->hw || (h->taps == 1 && h->stride == 1);
    int64_t m = h->hw ? o * o : h->m, depth = h->k * h->taps * h->taps;
    kc_buf a = kc_floats(h->hw ? h->hw * h->hw * h->k : m * h->k, -1, 1), w = kc_floats(h->n * depth, -1, 1);
    kc_buf c = kc_alloc(m * h->n, 4), bias = kc_floats(h->n, -1, 1);
    void *ws = aligned_alloc(64, k_gemm_workspace());
    k_pack_src s = {w.data, h->taps * h->taps, h->k, h->n, 1, h->taps * h->taps, depth, 1.0f, NULL};
    float *b = packed(k, &s);
    k_gemm_args g = {.kind = rows ? K_A_ROWS : K_A_CONV,
                     .a = kc_f(&a),
                     .lda = h->k,
                     .conv = &v,
                     .b = b,
                     .m = m,
                     .n = h->n,
                     .k = depth,
                     .c = kc_f(&c),
                     .ldc = h->n,
                     .bias = kc_f(&bias),
                     .act = K_ACT_CLIP,
                     .q = INFINITY};
    double flops = 2.0 * (double)m * (double)h->n * (double)depth;
    int inner = (int)(2e8 / flops) + 1; /* about a millisecond: some repetition runs undisturbed */
    double t = KC_BEST(reps, for (int i = 0; i < inner; i++) k->run(&g, 0, m, 0, k_gemm_panels(k, h->n), ws));
    kc_free(&a), kc_free(&w), kc_free(&c), kc_free(&bias), free(ws), free(b);
    return flops * inner / t * 1e-9;
}

#endif
