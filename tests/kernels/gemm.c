/* SPDX-License-Identifier: MIT
 *
 * Matrix product and gathered convolution of every level against ref.c (sums in double). Tolerance: partial sums of k
 * products in [-1, 1] grow like sqrt(k) / 3 and are rounded k times at random, so errors have a sigma of about k eps /
 * 12 (eps = 2^-23); four sigma, plus a few eps of the result.
 * --bench prints GFLOP/s beside the FMA peak measured between the repetitions.
 */
#include "gemm_shapes.h"

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
    run_in_pieces(e->k, g, ws.data);
    g->residual = res;
    kc_close(e->name, kc_f(&got), kc_f(&want), g->m * g->ldc, 16, 0x1p-23f * (4 + (float)g->k / 3));
    kc_free(&got), kc_free(&want), kc_free(&ws), free(b), free(bref);
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
        matrix_case(e, 150, 70, 4100); /* more rows than stay in L2 */
    }
}

/* How exact sums are, not only that they are sums: the error's root mean square in units of 2^-24 of the result's. One
 * sum of k products, the naive way, comes to 10 for k = 1152; ours stay below 7. */
static void test_exact(void **state) {
    enum { N = 96, K = 1152 };
    KC_EACH(e) {
        for (int64_t m = 1; m <= 29; m += 28) {
            kc_buf a = kc_floats(m * K, -1, 1), w = kc_floats(N * K, -1, 1), c = kc_alloc(m * N, 4);
            kc_buf ws = kc_alloc(1, k_gemm_workspace());
            k_pack_src s = {w.data, 1, K, N, 0, 1, K, 1.0f, NULL};
            float *b = packed(e->k, &s);
            k_gemm_args g = {.a = kc_f(&a), .lda = K, .b = b, .m = m, .n = N, .k = K, .c = kc_f(&c), .ldc = N};
            e->k->run(&g, 0, m, 0, k_gemm_panels(e->k, N), ws.data);
            double error = 0, size = 0;
            for (int64_t i = 0; i < m * N; i++) {
                double y = 0;
                for (int k = 0; k < K; k++) y += (double)kc_f(&a)[i / N * K + k] * (double)kc_f(&w)[i % N * K + k];
                error += (kc_f(&c)[i] - y) * (kc_f(&c)[i] - y), size += y * y;
            }
            double units = sqrt(error / size) * 0x1p24;
            if (units > 7) fail_msg("%s: %d rows: %.2f", e->name, (int)m, units);
            kc_free(&a), kc_free(&w), kc_free(&c), kc_free(&ws), free(b);
        }
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

static void bench(const char *only) {
    for (const entry *e = list; e < list + sizeof list / sizeof *list; e++) {
        if (e->level > cpu_best() || e->level == CPU_REF) continue;
        double peak = 0;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            if (only && !strstr(shapes[i].name, only)) continue;
            double p = bench_shape(e->k, &shapes[0], 20), r = bench_shape(e->k, &shapes[i], 30);
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
                                       cmocka_unit_test(test_exact), cmocka_unit_test(test_conv),
                                       cmocka_unit_test(test_special)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
