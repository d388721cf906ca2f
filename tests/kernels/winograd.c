/* SPDX-License-Identifier: MIT
 *
 * Winograd convolution of every level against the direct sum in double (k_gemm_ref over gathered rows). The transforms
 * add about four times the error of a direct sum of 9 c products: 1e-5 sqrt(c) covers data of magnitude 1.
 */
#include "kcheck.h"
#include "kernels/winograd/winograd.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_winograd *k;
    const k_gemm *gemm;
} entry;
static const entry list[] = {
#if defined(__x86_64__)
    {CPU_AVX512, "k_winograd_avx512", &k_winograd_avx512, &k_gemm_avx512},
    {CPU_AVX2, "k_winograd_avx2", &k_winograd_avx2, &k_gemm_avx2},
#endif
    {CPU_REF, "k_winograd_portable16", &k_winograd_portable16, &k_gemm_portable16},
    {CPU_REF, "k_winograd_portable8", &k_winograd_portable8, &k_gemm_portable8},
    {CPU_REF, "k_winograd_ref", &k_winograd_ref, &k_gemm_ref},
};

static float *pack(const k_gemm *g, const float *w, int64_t c, int64_t m) {
    float *u = aligned_alloc(64, ((size_t)k_wino_packed_floats(g, c, m) * 4 + 127) / 64 * 64);
    k_wino_pack(g, u, w, c, m, 0, k_gemm_panels(g, m));
    return u;
}

static void direct(const k_wino_args *a, int64_t images, const float *w, float *y) {
    k_conv_geom v = {.channels = a->c,
                     .ld = a->ldx,
                     .in = {1, a->h, a->w},
                     .out = {1, a->oh, a->ow},
                     .kernel = {1, 3, 3},
                     .stride = {1, 1, 1},
                     .dilation = {1, 1, 1},
                     .pad = {0, a->pt, a->pl}};
    k_pack_src s = {w, 9, a->c, a->m, 1, 9, 9 * a->c, 1.0f, NULL};
    float *b = malloc((size_t)k_gemm_packed_floats(&k_gemm_ref, a->m, 9 * a->c) * 4);
    k_gemm_pack(&k_gemm_ref, b, &s, 0, k_gemm_panels(&k_gemm_ref, a->m));
    k_gemm_args g = {.kind = K_A_CONV,
                     .a = a->x,
                     .conv = &v,
                     .b = b,
                     .m = images * a->oh * a->ow,
                     .n = a->m,
                     .k = 9 * a->c,
                     .c = y,
                     .ldc = a->ldy,
                     .bias = a->bias,
                     .residual = a->residual,
                     .ldr = a->ldr,
                     .act = a->act,
                     .p = a->p,
                     .q = a->q};
    k_gemm_ref.run(&g, 0, g.m, 0, k_gemm_panels(&k_gemm_ref, a->m), NULL);
    free(b);
}

static void random_case(const entry *e, int64_t c, int64_t m) {
    int64_t images = kc_int(1, 2);
    k_wino_args a = {.gemm = e->gemm,
                     .h = kc_int(3, 15),
                     .w = kc_int(3, 15),
                     .c = c,
                     .m = m,
                     .pt = kc_int(0, 2),
                     .pl = kc_int(0, 2)};
    a.oh = a.h + a.pt + kc_int(0, 2) - 2, a.ow = a.w + a.pl + kc_int(0, 2) - 2;
    a.ldx = c + kc_int(0, 1) * kc_int(0, 20), a.ldy = m + kc_int(0, 1) * kc_int(0, 20);
    a.ldr = m + kc_int(0, 1) * kc_int(0, 20);
    int64_t pixels = images * a.oh * a.ow, outs = pixels * a.ldy, tiles = images * k_wino_tiles(&a);
    kc_buf x = kc_floats(images * a.h * a.w * a.ldx, -1, 1), w = kc_floats(9 * c * m, -1, 1),
           bias = kc_floats(m, -1, 1);
    kc_buf res = kc_floats(pixels * a.ldr, -1, 1), y = kc_alloc(outs, 4), want = kc_alloc(outs, 4);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes); /* between the pixels it stays so */
    a.x = kc_f(&x), a.bias = kc_int(0, 1) ? kc_f(&bias) : NULL, a.residual = kc_int(0, 1) ? kc_f(&res) : NULL;
    a.act = (k_act)kc_int(0, K_ACTS - 1), a.p = a.act == K_ACT_CLIP ? 0 : 0.2f,
    a.q = a.act == K_ACT_CLIP ? INFINITY : 0.5f;
    a.block = kc_int(1, 20);
    direct(&a, images, kc_f(&w), kc_f(&want));
    a.u = pack(e->gemm, kc_f(&w), c, m), a.y = kc_f(&y);
    char *ws = aligned_alloc(64, k_wino_workspace(&a) + 64);
    memset(ws, 0xA5, k_wino_workspace(&a) + 64);
    int64_t mid = kc_int(0, tiles);
    e->k->run(&a, 0, mid, ws);
    e->k->run(&a, mid, tiles, ws);
    for (size_t i = 0; i < 64; i++) assert_int_equal((unsigned char)ws[k_wino_workspace(&a) + i], 0xA5);
    kc_close(e->name, kc_f(&y), kc_f(&want), outs, 16, 1.5e-5f * sqrtf((float)c));
    kc_free(&x), kc_free(&w), kc_free(&bias), kc_free(&res), kc_free(&y), kc_free(&want);
    free(ws), free((void *)(uintptr_t)a.u);
}

static void test_random(void **state) {
    KC_EACH(e) {
        bool slow = e->k == &k_winograd_ref; /* transforms each input once per output channel */
        for (int i = 0; i < (slow ? 8 : 60); i++) random_case(e, kc_int(1, slow ? 8 : 40), kc_int(1, slow ? 8 : 40));
        for (int i = 0; i < (slow ? 0 : 3); i++) random_case(e, kc_int(60, 140), kc_int(60, 100));
    }
}

static void bench(void) {
    static const int64_t shapes[][3] = {{224, 32, 64}, {56, 64, 64}, {28, 128, 128}, {14, 256, 256}, {7, 512, 512}};
    KC_EACH(e) {
        if (e->level == CPU_REF) continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            int64_t h = shapes[i][0], c = shapes[i][1], m = shapes[i][2];
            k_wino_args a = {.gemm = e->gemm,
                             .h = h,
                             .w = h,
                             .oh = h,
                             .ow = h,
                             .c = c,
                             .m = m,
                             .ldx = c,
                             .ldy = m,
                             .pt = 1,
                             .pl = 1,
                             .act = K_ACT_CLIP,
                             .q = INFINITY};
            kc_buf x = kc_floats(h * h * c, -1, 1), w = kc_floats(9 * c * m, -1, 1), y = kc_alloc(h * h * m, 4);
            float *direct_y = malloc((size_t)(h * h * m) * 4);
            a.x = kc_f(&x), a.u = pack(e->gemm, kc_f(&w), c, m), a.y = kc_f(&y);
            a.block = k_wino_block(e->gemm, c, m, k_wino_tiles(&a), 1);
            char *ws = aligned_alloc(64, k_wino_workspace(&a));
            double t = KC_BEST(20, e->k->run(&a, 0, k_wino_tiles(&a), ws)), f = 18.0 * (double)(h * h * c * m),
                   worst = 0;
            if (h * h * c * m < 20000000) {
                direct(&a, 1, kc_f(&w), direct_y);
                for (int64_t k = 0; k < h * h * m; k++) worst = fmax(worst, fabs((double)direct_y[k] - (double)a.y[k]));
            }
            printf("%-18s %lldx%lld %lld->%lld block %lld: %8.1f us, as direct %7.1f GFLOP/s, error %.1e\n", e->name,
                   (long long)h, (long long)h, (long long)c, (long long)m, (long long)a.block, t * 1e6, f / t * 1e-9,
                   worst);
            kc_free(&x), kc_free(&w), kc_free(&y), free(ws), free(direct_y), free((void *)(uintptr_t)a.u);
        }
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
