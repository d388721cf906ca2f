/* SPDX-License-Identifier: MIT
 *
 * Matrix product and gathered convolution of every level against ref.c (sums in double). Tolerance: partial sums of k
 * products in [-1, 1] grow like sqrt(k) / 3 and are rounded k times at random, so errors have a sigma of about k eps /
 * 12 (eps = 2^-23); four sigma, plus a few eps of the result.
 * --bench prints GFLOP/s beside the FMA peak measured between the repetitions.
 */
#include "kcheck.h"
#include "kernels/gemm/gemm.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_gemm *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/gemm/gemm.def"
#undef PORTABLE
#undef KERNEL
};

static float *packed(const k_gemm *k, const k_pack_src *s) {
    int64_t floats = k_gemm_packed_floats(k, s->n, s->taps * s->channels);
    float *p = aligned_alloc(64, ((size_t)floats * 4 + 127) / 64 * 64);
    assert_non_null(p);
    k_gemm_pack(k, p, s, 0, k_gemm_panels(k, s->n));
    return p;
}

/* Both products of the same operands: in random pieces with e's kernel, whole with ref's. */
static void compare(const entry *e, k_gemm_args *g, const k_pack_src *s) {
    kc_buf got = kc_alloc(g->m * g->ldc, 4), want = kc_alloc(g->m * g->ldc, 4), ws = kc_alloc(1, k_gemm_workspace());
    for (int64_t i = 0; i < g->m * g->ldc; i++) kc_f(&got)[i] = kc_f(&want)[i] = g->residual ? g->residual[i] : 7;
    float *b = packed(e->k, s), *bref = packed(&k_gemm_ref, s);
    bool alias = g->residual && kc_int(0, 1);
    const float *res = g->residual;
    g->b = bref, g->c = kc_f(&want);
    k_gemm_ref.run(g, 0, g->m, 0, k_gemm_panels(&k_gemm_ref, g->n), NULL);
    g->b = b, g->c = kc_f(&got);
    if (alias) g->residual = g->c;
    int64_t mid = kc_int(0, g->m), panels = k_gemm_panels(e->k, g->n), pmid = kc_int(0, panels);
    e->k->run(g, 0, mid, 0, pmid, ws.data);
    e->k->run(g, mid, g->m, 0, pmid, ws.data);
    e->k->run(g, 0, g->m, pmid, panels, ws.data);
    g->residual = res;
    kc_close(e->name, kc_f(&got), kc_f(&want), g->m * g->ldc, 16, 0x1p-23f * (4 + (float)g->k / 3));
    kc_free(&got), kc_free(&want), kc_free(&ws), free(b), free(bref);
}

static void random_epilogue(k_gemm_args *g, kc_buf *bias, kc_buf *res) {
    *bias = kc_floats(g->n, -1, 1), *res = kc_floats(g->m * g->ldc, -1, 1);
    if (kc_int(0, 1)) g->bias = kc_f(bias);
    if (kc_int(0, 2) == 0) g->residual = kc_f(res), g->ldr = g->ldc;
    g->act = (k_act)kc_int(0, K_ACTS - 1);
    g->p = g->act == K_ACT_CLIP ? 0.0f : 0.2f, g->q = g->act == K_ACT_CLIP && kc_int(0, 1) ? INFINITY : 0.5f;
}

static void matrix_case(const entry *e, int64_t m, int64_t n, int64_t k) {
    bool ta = kc_int(0, 3) == 0, tb = kc_int(0, 1);
    int64_t extra = kc_int(0, 3);
    k_gemm_args g = {.kind = ta ? K_A_COLS : K_A_ROWS, .m = m, .n = n, .k = k, .ldc = n + kc_int(0, 3)};
    g.lda = (ta ? m : k) + extra;
    int64_t ldb = (tb ? k : n) + extra;
    kc_buf a = kc_floats((ta ? k : m) * g.lda, -1, 1), b = kc_floats((tb ? n : k) * ldb, -1, 1), bias, res;
    kc_buf scale = kc_floats(n, 0.5f, 2);
    g.a = kc_f(&a);
    random_epilogue(&g, &bias, &res);
    k_pack_src s = {b.data, 1, k, n, 0, tb ? 1 : ldb, tb ? ldb : 1, kc_int(0, 1) ? 1.0f : 0.5f, NULL};
    if (kc_int(0, 3) == 0) s.scale_n = kc_f(&scale);
    compare(e, &g, &s);
    kc_free(&a), kc_free(&b), kc_free(&bias), kc_free(&res), kc_free(&scale);
}

static void test_edges(void **state) {
    KC_EACH(e) {
        for (int64_t m = 1; m <= 30; m++) matrix_case(e, m, kc_int(1, 70), kc_int(1, 40));
        for (int64_t n = 1; n <= 70; n++) matrix_case(e, kc_int(1, 17), n, kc_int(1, 40));
        for (int64_t k = 0; k <= 40; k++) matrix_case(e, kc_int(1, 17), kc_int(1, 40), k);
    }
}

static void test_large(void **state) {
    KC_EACH(e) {
        if (strstr(e->name, "ref")) continue;
        for (int i = 0; i < 6; i++) matrix_case(e, kc_int(1, 60), kc_int(1, 600), kc_int(1, 1300));
        matrix_case(e, 29, 70, 2048); /* rows 8 KB apart */
        matrix_case(e, 3, 1030, 1024);
    }
}

static void geometry(k_conv_geom *v, int dims) {
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

static void conv_case(const entry *e, int dims, int64_t channels, int64_t n) {
    k_conv_geom v = {.channels = channels};
    geometry(&v, dims);
    int64_t taps = v.kernel[0] * v.kernel[1] * v.kernel[2], images = kc_int(1, 2);
    int64_t offset = kc_int(0, 1) ? 0 : kc_int(1, 5), pixels = images * v.in[0] * v.in[1] * v.in[2];
    v.ld = channels + offset;
    k_gemm_args g = {.kind = K_A_CONV, .conv = &v, .n = n, .k = taps * channels, .ldc = n + kc_int(0, 3)};
    g.m = images * v.out[0] * v.out[1] * v.out[2];
    kc_buf x = kc_floats(pixels * v.ld, -1, 1), w = kc_floats(n * channels * taps, -1, 1), bias, res;
    g.a = kc_f(&x) + kc_int(0, offset);
    random_epilogue(&g, &bias, &res);
    k_pack_src s = {w.data, taps, channels, n, 1, taps, channels * taps, 1.0f, NULL};
    compare(e, &g, &s);
    kc_free(&x), kc_free(&w), kc_free(&bias), kc_free(&res);
}

static void test_conv(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 120; i++) conv_case(e, (int)kc_int(1, 3), kc_int(1, 9), kc_int(1, 40));
        for (int i = 0; i < 6; i++) conv_case(e, 2, kc_int(60, 140), kc_int(1, 70));
    }
}

/* NaN and infinities go where IEEE puts them, and clip lets NaN through. */
static void test_special(void **state) {
    KC_EACH(e) {
        float a[6] = {1, NAN, 2, 1, 1, -INFINITY}, w[6] = {1, 0, 1, 1, 2, 3}, c[4];
        k_pack_src s = {w, 1, 3, 2, 0, 2, 1, 1.0f, NULL};
        float *b = packed(e->k, &s);
        _Alignas(64) static char ws[1 << 17];
        assert_true(sizeof ws >= k_gemm_workspace());
        k_gemm_args g = {.a = a, .lda = 3, .b = b, .m = 2, .n = 2, .k = 3, .c = c, .ldc = 2, .act = K_ACT_CLIP, .q = 6};
        e->k->run(&g, 0, 2, 0, k_gemm_panels(e->k, 2), ws);
        assert_true(isnan(c[0]) && isnan(c[1]) && c[2] == 0 && c[3] == 0);
        free(b);
    }
}

/* ---- bench ---- */

typedef struct shape {
    const char *name;
    int64_t m, n, k, hw, taps, stride; /* hw > 0: convolution of hw x hw, `taps` = kernel size; "padded": hw holds it */
} shape;
static const shape shapes[] = {
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

static double bench_shape(const entry *e, const shape *h, int reps) {
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
    float *b = packed(e->k, &s);
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
    double t = KC_BEST(reps, for (int i = 0; i < inner; i++) e->k->run(&g, 0, m, 0, k_gemm_panels(e->k, h->n), ws));
    kc_free(&a), kc_free(&w), kc_free(&c), kc_free(&bias), free(ws), free(b);
    return flops * inner / t * 1e-9;
}

static void bench(const char *only) {
    for (const entry *e = list; e < list + sizeof list / sizeof *list; e++) {
        if (e->level > cpu_best() || e->level == CPU_REF) continue;
        double peak = 0;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            if (only && !strstr(shapes[i].name, only)) continue;
            double p = bench_shape(e, &shapes[0], 20), r = bench_shape(e, &shapes[i], 30);
            if (p > peak) peak = p;
            printf("%-16s %-20s %7.1f GFLOP/s  %5.1f%% of the tile in L1 (%.1f)\n", e->name, shapes[i].name, r,
                   100 * r / p, peak);
        }
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(argc > 2 ? argv[2] : NULL), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_edges), cmocka_unit_test(test_large),
                                       cmocka_unit_test(test_conv), cmocka_unit_test(test_special)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
