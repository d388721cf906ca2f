/* SPDX-License-Identifier: MIT
 *
 * Integer products of every level against int64 sums, extremes included (all -128, 255, 127): every bit must agree.
 * Conversions against ref.c: every bit too.
 */
#include "kcheck.h"
#include "kernels/qgemm/qgemm.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_qgemm *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/qgemm/qgemm.def"
#undef PORTABLE
#undef KERNEL
};

static void fill(kc_buf *b) {
    static const unsigned char extreme[] = {0, 255, 127, 128};
    int64_t how = kc_int(0, 5);
    for (size_t i = 0; i < b->bytes; i++) b->data[i] = how < 4 ? extreme[how] : (unsigned char)kc_next();
}

static int32_t as_int(unsigned char v, bool is_signed) { return is_signed ? (int32_t)(int8_t)v : (int32_t)v; }

static void product_case(const entry *e, int64_t m, int64_t n, int64_t k) {
    bool as = kc_int(0, 1), bs = kc_int(0, 1), by_column = kc_int(0, 1), za_rows = kc_int(0, 1), zb_cols = kc_int(0, 1);
    int64_t lda = k + kc_int(0, 3), ldc = n + kc_int(0, 3);
    kc_buf a = kc_alloc(m * lda, 1), b = kc_alloc(n * k, 1), c = kc_alloc(m * ldc, 4), za = kc_alloc(m, 4),
           zb = kc_alloc(n, 4);
    fill(&a), fill(&b);
    memset(c.data, 0, c.bytes);
    int32_t *zap = (int32_t *)(void *)za.data, *zbp = (int32_t *)(void *)zb.data, *cp = (int32_t *)(void *)c.data;
    for (int64_t i = 0; i < m; i++) zap[i] = as ? (int32_t)kc_int(-128, 127) : (int32_t)kc_int(0, 255);
    for (int64_t j = 0; j < n; j++) zbp[j] = bs ? (int32_t)kc_int(-128, 127) : (int32_t)kc_int(0, 255);
    k_qgemm_src s = {b.data, bs, n, k, by_column ? 1 : n, by_column ? k : 1, zbp, zb_cols};
    kc_buf packed = kc_alloc(k_qgemm_packed_bytes(e->k, n, k) / 8 + 1, 8), ws = kc_alloc(k_qgemm_workspace(k), 1);
    k_qgemm_pack(e->k, packed.data, &s);
    k_qgemm_args g = {a.data, lda, as, zap, za_rows, packed.data, m, n, k, cp, ldc};
    int64_t panels = k_qgemm_panels(e->k, n), m0 = kc_int(0, m), p0 = kc_int(0, panels);
    e->k->run(&g, 0, m0, 0, panels, ws.data);
    e->k->run(&g, m0, m, 0, p0, ws.data);
    e->k->run(&g, m0, m, p0, panels, ws.data);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            int64_t want = 0;
            for (int64_t t = 0; t < k && j < n; t++)
                want += (int64_t)(as_int(a.data[i * lda + t], as) - zap[za_rows ? i : 0]) *
                        (as_int(b.data[t * s.sk + j * s.sj], bs) - zbp[zb_cols ? j : 0]);
            if (cp[i * ldc + j] != (int32_t)want)
                fail_msg("%s %lldx%lldx%lld: (%lld, %lld) is %d, should be %lld", e->name, (long long)m, (long long)n,
                         (long long)k, (long long)i, (long long)j, cp[i * ldc + j], (long long)want);
        }
    kc_free(&a), kc_free(&b), kc_free(&c), kc_free(&za), kc_free(&zb), kc_free(&packed), kc_free(&ws);
}

static void test_product(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 150; i++) product_case(e, kc_int(1, 30), kc_int(1, 70), kc_int(1, 70));
        product_case(e, 5, 40, 4000), product_case(e, 3, 3, 0);
    }
}

static void convert_case(const entry *e, int64_t n) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.5f, 1.5f, 2.5f, -0.5f, 3e38f, -3e38f};
    kc_buf x = kc_floats(n, -40, 40), q = kc_alloc(n, 1), w = kc_alloc(n, 1), y = kc_alloc(n, 4), z = kc_alloc(n, 4),
           c = kc_alloc(n, 4), f = kc_alloc(n, 8);
    for (int64_t i = 0; i < n; i++) {
        if (kc_int(0, 4) == 0) kc_f(&x)[i] = odd[kc_int(0, 8)];
        ((double *)(void *)f.data)[i] = (double)kc_float(-1e-5f, 2e-3f);
        ((int32_t *)(void *)c.data)[i] = (int32_t)kc_next() >> kc_int(0, 30);
    }
    bool s = kc_int(0, 1);
    int32_t zp = s ? (int32_t)kc_int(-128, 127) : (int32_t)kc_int(0, 255);
    float scale = kc_int(0, 1) ? 1.0f : kc_float(0.01f, 2), lo[2], hi[2];
    k_qgemm_ref.quantize(w.data, kc_f(&x), n, scale, zp, s), e->k->quantize(q.data, kc_f(&x), n, scale, zp, s);
    assert_memory_equal(q.data, w.data, n);
    k_qgemm_ref.dequantize(kc_f(&z), w.data, n, scale, zp, s), e->k->dequantize(kc_f(&y), q.data, n, scale, zp, s);
    assert_memory_equal(y.data, z.data, n * 4);
    const int32_t *ci = (const int32_t *)(const void *)c.data, *bias = kc_int(0, 1) ? ci : NULL;
    int64_t step = kc_int(0, 1) && n;
    const double *fs = (const double *)(const void *)f.data;
    k_qgemm_ref.requantize(w.data, ci, n, bias, fs, step, zp, s),
        e->k->requantize(q.data, ci, n, bias, fs, step, zp, s);
    assert_memory_equal(q.data, w.data, n);
    k_qgemm_ref.range(kc_f(&x), n, &lo[0], &hi[0]), e->k->range(kc_f(&x), n, &lo[1], &hi[1]);
    assert_true(lo[0] == lo[1] && hi[0] == hi[1]);
    kc_free(&x), kc_free(&q), kc_free(&w), kc_free(&y), kc_free(&z), kc_free(&c), kc_free(&f);
}

static void test_convert(void **state) {
    KC_EACH(e) for (int64_t n = 1; n < 120; n++) convert_case(e, n);
    uint8_t q[6];
    k_qgemm_ref.quantize(q, (const float[]){0.5f, 1.5f, 2.5f, -1.0f, 300.0f, -0.5f}, 6, 1, 0, false); /* ties to even */
    assert_memory_equal(q, ((uint8_t[]){0, 2, 2, 0, 255, 0}), 6);
}

static void bench(void) {
    int64_t m = 784, n = 128, k = 1152;
    kc_buf a = kc_alloc(m * k, 1), b = kc_alloc(n * k, 1), c = kc_alloc(m * n, 4);
    static const int32_t zero;
    fill(&a), fill(&b);
    KC_EACH(e) {
        k_qgemm_src s = {b.data, true, n, k, n, 1, &zero, 0};
        kc_buf packed = kc_alloc(k_qgemm_packed_bytes(e->k, n, k) / 8 + 1, 8), ws = kc_alloc(k_qgemm_workspace(k), 1);
        k_qgemm_pack(e->k, packed.data, &s);
        k_qgemm_args g = {a.data, k, false, &zero, 0, packed.data, m, n, k, (int32_t *)(void *)c.data, n};
        double t = KC_BEST(5, e->k->run(&g, 0, m, 0, k_qgemm_panels(e->k, n), ws.data));
        printf("int8 784x128x1152 %-24s %8.1f us %7.1f GOP/s\n", e->name, t * 1e6,
               2.0 * (double)(m * n * k) / t * 1e-9);
        kc_free(&packed), kc_free(&ws);
    }
    kc_free(&a), kc_free(&b), kc_free(&c);
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_product), cmocka_unit_test(test_convert)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
