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

/* Quotients at and next to ties, where a product with the reciprocal would round to the other side. */
static void ties_case(const entry *e) {
    enum { N = 300 };
    float x[N], scale = kc_float(1e-3f, 3);
    uint8_t want[N], got[N];
    for (int i = 0; i < N; i++) {
        x[i] = ((float)kc_int(-140, 140) + 0.5f) * scale;
        for (int64_t k = kc_int(-2, 2); k; k += k < 0 ? 1 : -1) x[i] = nextafterf(x[i], k < 0 ? -INFINITY : INFINITY);
    }
    if (kc_int(0, 5) == 0) scale *= 0x1p-120f; /* the reciprocal is of no use */
    k_qgemm_ref.quantize(want, x, N, scale, 3, true), e->k->quantize(got, x, N, scale, 3, true);
    assert_memory_equal(got, want, N);
}

static void add_case(const entry *e, int64_t n) {
    kc_buf a = kc_alloc(n, 1), b = kc_alloc(n, 1), y = kc_alloc(n, 1), w = kc_alloc(n, 1);
    fill(&a), fill(&b);
    double m[16], zero[16] = {0};
    for (int i = 0; i < 16; i++) m[i] = i ? m[0] : (double)kc_float(0.01f, 2);
    bool as = kc_int(0, 1), zs = kc_int(0, 1), ys = kc_int(0, 1);
    k_qfinish f = {.m = m,
                   .b = zero,
                   .lo = ys ? -128 - 5 : -5,
                   .hi = ys ? 127 - 5 : 255 - 5,
                   .z = zs ? K_Q_S8 : K_Q_U8,
                   .y = ys ? K_Q_S8 : K_Q_U8,
                   .z_zero = 9,
                   .y_zero = 5,
                   .zm = (double)kc_float(0.01f, 2)};
    if (kc_int(0, 3)) k_qfinish_narrow(&f, 16);
    k_qgemm_ref.add(w.data, a.data, as, 7, b.data, n, &f), e->k->add(y.data, a.data, as, 7, b.data, n, &f);
    assert_memory_equal(y.data, w.data, n);
    for (int64_t i = 0; i < n; i++) { /* and the formula itself */
        double v = fma((double)((as ? (int8_t)a.data[i] : a.data[i]) - 7), m[0], 0);
        v = fma((double)((zs ? (int8_t)b.data[i] : b.data[i]) - 9), f.zm, v);
        assert_int_equal(w.data[i], (uint8_t)((int)rint(fmin(fmax(v, f.lo), f.hi)) + 5));
    }
    kc_free(&a), kc_free(&b), kc_free(&y), kc_free(&w);
}

static void test_ties_and_add(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 200; i++) ties_case(e);
        for (int64_t n = 1; n < 70; n++) add_case(e, n);
    }
}

static void test_convert(void **state) {
    KC_EACH(e) for (int64_t n = 1; n < 120; n++) convert_case(e, n);
    uint8_t q[6];
    k_qgemm_ref.quantize(q, (const float[]){0.5f, 1.5f, 2.5f, -1.0f, 300.0f, -0.5f}, 6, 1, 0, false); /* ties to even */
    assert_memory_equal(q, ((uint8_t[]){0, 2, 2, 0, 255, 0}), 6);
}

/* ---- rows by pointer, words, epilogue ---- */
typedef struct rows_case {
    int64_t m, n, taps, channels; /* channels: whole words */
    bool as, bs;
} rows_case;

/* Row i, tap t at element (i * step + t * (channels + gap)) of one buffer, like a 1-D convolution; from some row on
 * farther away, as in an image's next row. */
static void rows_check(const entry *e, const rows_case *t) {
    int64_t k = t->taps * t->channels, step = kc_int(1, 3) * e->k->group, gap = kc_int(0, 2) * e->k->group,
            cut = kc_int(0, 2 * t->m), jump = kc_int(0, 3) * e->k->group,
            len = (t->m + 1) * step + k + t->taps * gap + jump;
    int32_t zb = t->bs ? 0 : 128, za = t->as ? (int32_t)kc_int(-128, 127) : (int32_t)kc_int(0, 255);
    if (e->k->group == 2) zb = t->bs ? (int32_t)kc_int(-128, 127) : (int32_t)kc_int(0, 255);
    assert_true(k_qgemm_rows_ok(e->k, zb, t->bs));
    int64_t panels = k_qgemm_panels(e->k, t->n), ldc = panels * e->k->nr, element = 4 / e->k->group;
    kc_buf a = kc_alloc(len, 1), b = kc_alloc(t->n * k, 1), c = kc_alloc(t->m * ldc, 4), init = kc_alloc(ldc, 4),
           image = kc_alloc(len * element, 1), packed = kc_alloc(k_qgemm_packed_bytes(e->k, t->n, k) / 8 + 1, 8);
    fill(&a), fill(&b);
    memset(init.data, 0, init.bytes);
    k_qgemm_src s = {b.data, t->bs, t->n, k, t->n, 1, &zb, 0};
    k_qgemm_pack(e->k, packed.data, &s);
    int32_t *start = (int32_t *)(void *)init.data, *got = (int32_t *)(void *)c.data;
    int64_t panel = k_qgemm_panel_bytes(e->k, k);
    for (int64_t j = 0; j < t->n && e->k->group == 4; j++)
        start[j] = -(za + (t->as ? 128 : 0)) * k_qgemm_sums(e->k, packed.data + j / e->k->nr * panel, k)[j % e->k->nr];
    e->k->widen(image.data, a.data, len, za, t->as);
    const uint8_t *rows[64 + K_QGEMM_MR];
    int64_t offset[8];
    for (int64_t i = 0; i < t->m + K_QGEMM_MR; i++) {
        int64_t r = i < t->m ? i : 0;
        rows[i] = image.data + (r * step + (r >= cut) * jump) * element;
    }
    for (int64_t i = 0; i < t->taps; i++) offset[i] = i * (t->channels + gap) * element;
    k_qgemm_rows g = {rows, offset, t->taps, t->channels / e->k->group, packed.data, start, got, ldc};
    int64_t p0 = kc_int(0, panels);
    e->k->rows(&g, t->m, 0, p0), e->k->rows(&g, t->m, p0, panels);
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < t->n; j++) {
            int64_t want = 0;
            for (int64_t q = 0; q < k; q++)
                want +=
                    (int64_t)(as_int(a.data[i * step + (i >= cut) * jump + q + q / t->channels * gap], t->as) - za) *
                    (as_int(b.data[q * t->n + j], t->bs) - zb);
            if (got[i * ldc + j] != (int32_t)want)
                fail_msg("%s rows %lldx%lldx%lld: (%lld, %lld) is %d, should be %lld", e->name, (long long)t->m,
                         (long long)t->n, (long long)k, (long long)i, (long long)j, got[i * ldc + j], (long long)want);
        }
    kc_free(&a), kc_free(&b), kc_free(&c), kc_free(&init), kc_free(&image), kc_free(&packed);
}

static void test_rows(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 80; i++) {
            rows_case t = {kc_int(1, 50), kc_int(1, 70), kc_int(1, 8), kc_int(1, 9) * 4, kc_int(0, 1), kc_int(0, 1)};
            rows_check(e, &t);
        }
        for (int i = 0; i < 12; i++) { /* whole tiles along k, and more of them than are kept at once */
            rows_case t = {kc_int(1, 50), kc_int(1, 70), kc_int(1, 8), kc_int(1, 5) * 64, kc_int(0, 1), kc_int(0, 1)};
            rows_check(e, &t);
        }
        for (int i = 0; i < 3; i++) {
            rows_case t = {kc_int(5, 50), kc_int(1, 40), kc_int(1, 2), 1020 + i * 4 * kc_int(1, 400), 1, 1};
            rows_check(e, &t);
        }
    }
}

/* c so that m c + b is about v: at a tie, next to one, anywhere. */
static int32_t sum_for(double v, double m, double b) {
    double c = m > 0 ? rint((v - b) / m) : 0;
    return fabs(c) < 0x1p30 ? (int32_t)c : (int32_t)kc_next();
}

static void finish_case(const entry *e, int64_t n) {
    int64_t rows = kc_int(1, 4), ld = n + kc_int(0, 5), ldc = n + kc_int(0, 5), j = kc_int(0, 3);
    kc_buf c = kc_alloc(rows * ldc, 4), m = kc_alloc(n + j, 8), b = kc_alloc(n + j, 8), mf = kc_alloc(n + j, 4),
           bf = kc_alloc(n + j, 4), z = kc_floats(rows * ld, -40, 40), y = kc_alloc(rows * ld, 4),
           w = kc_alloc(rows * ld, 4);
    double *mp = (double *)(void *)m.data, *bp = (double *)(void *)b.data;
    static const double factors[] = {0.5, 0.25, 0x1p-12, 1, 1e-7, 0.1}; /* ties at many sums, and near many */
    for (int64_t i = 0; i < n + j; i++) {
        mp[i] = kc_int(0, 2) ? (double)kc_float(0, 1e-3f) : factors[kc_int(0, 5)];
        bp[i] = kc_int(0, 1) ? 0 : (double)kc_float(-9, 9);
        kc_f(&mf)[i] = (float)mp[i], kc_f(&bf)[i] = (float)bp[i];
    }
    for (int64_t i = 0; i < rows * ldc; i++) {
        int64_t at = j + i % ldc % n, how = kc_int(0, 2);
        double tie = (double)kc_int(-140, 270) + 0.5;
        ((int32_t *)(void *)c.data)[i] =
            how ? sum_for(how > 1 ? tie : tie + (double)kc_float(-0.5f, 0.5f), mp[at], bp[at])
                : (int32_t)kc_next() >> kc_int(0, 30);
    }
    k_qfinish f = {.m = mp,
                   .b = bp,
                   .z = (k_qtype)kc_int(0, 3),
                   .y = (k_qtype)kc_int(1, 3),
                   .z_zero = (int32_t)kc_int(-128, 127),
                   .y_zero = 3,
                   .zm = (double)kc_float(0, 2),
                   .mf = kc_f(&mf),
                   .bf = kc_f(&bf)};
    f.lo = f.y == K_Q_S8 ? -131 : -3, f.hi = f.y == K_Q_S8 ? 124 : 252;
    if (kc_int(0, 3) == 0) f.lo = 0, f.hi = 6.25;
    if (f.y == K_Q_F32) f.lo = kc_int(0, 1) ? 0 : -INFINITY, f.hi = INFINITY;
    if (kc_int(0, 5)) k_qfinish_narrow(&f, n + j);
    memset(y.data, 0, y.bytes), memset(w.data, 0, w.bytes);
    k_qepilogue want = {w.data, f.z == K_Q_NONE ? NULL : z.data, ld, (int32_t *)(void *)c.data, ldc, j, rows, n},
                got = want;
    got.y = y.data;
    k_qgemm_ref.finish(&want, &f);
    e->k->finish(&got, &f);
    assert_memory_equal(y.data, w.data, rows * ld * 4);
    kc_free(&c), kc_free(&m), kc_free(&b), kc_free(&mf), kc_free(&bf), kc_free(&z), kc_free(&y), kc_free(&w);
}

/* Of usual parameters FP32 has to be sure nearly everywhere, of those that it cannot hold nowhere. */
static void test_narrow(void **state) {
    double m[2] = {1e-3, 2e-3}, b[2] = {0, -3};
    k_qfinish f = {.m = m, .b = b, .z = K_Q_U8, .y = K_Q_S8, .lo = -128, .hi = 127, .zm = 0.7}, g;
    k_qfinish_narrow(&f, 2);
    assert_true(f.sure > 0.499f && f.sure < 0.5f);
    g = f, g.hi = 0.1, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
    g = f, g.zm = 1e30, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
    g = f, g.y = K_Q_F32, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
    g = f, m[1] = NAN, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
    g = f, m[1] = 1e60, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
    g = f, m[1] = 1, b[0] = 1e9, k_qfinish_narrow(&g, 2), assert_true(g.sure == 0);
}

static void test_finish(void **state) { KC_EACH(e) for (int64_t i = 0; i < 600; i++) finish_case(e, 1 + i % 150); }

static void test_bytes(void **state) {
    KC_EACH(e) for (int64_t n = 1; n < 250; n++) {
        kc_buf a = kc_alloc(n, 1), b = kc_alloc(n, 1), x = kc_alloc(n + 9, 2), w = kc_alloc(n * 3, 2),
               c = kc_alloc(n, 4), init = kc_alloc(n, 4);
        fill(&a), fill(&b);
        uint8_t want[250];
        bool s = kc_int(0, 1);
        for (int64_t i = 0; i < n; i++) want[i] = as_int(a.data[i], s) > as_int(b.data[i], s) ? a.data[i] : b.data[i];
        e->k->max(a.data, b.data, n, s);
        assert_memory_equal(a.data, want, n);
        int16_t *xs = (int16_t *)(void *)x.data, *ws = (int16_t *)(void *)w.data;
        int32_t *is = (int32_t *)(void *)init.data, *cs = (int32_t *)(void *)c.data;
        for (int64_t i = 0; i < n + 9; i++) xs[i] = (int16_t)kc_int(-255, 255);
        for (int64_t i = 0; i < 3 * n; i++) ws[i] = (int16_t)kc_int(-255, 255);
        for (int64_t i = 0; i < n; i++) is[i] = (int32_t)kc_int(-9999, 9999);
        const int64_t offset[3] = {0, 4, 9};
        e->k->depthwise(cs, xs, offset, 3, ws, is, n);
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(cs[i], is[i] + xs[i] * ws[i] + xs[i + 4] * ws[n + i] + xs[i + 9] * ws[2 * n + i]);
        memset(cs, 0, (size_t)n * 4);
        int64_t pixels = n / kc_int(1, 80) + 1, each = n / pixels;
        e->k->sum(cs, b.data, pixels, each, each, s);
        for (int64_t i = 0; i < each; i++) {
            int32_t total = 0;
            for (int64_t p = 0; p < pixels; p++) total += as_int(b.data[p * each + i], s);
            assert_int_equal(cs[i], total);
        }
        kc_free(&a), kc_free(&b), kc_free(&x), kc_free(&w), kc_free(&c), kc_free(&init);
    }
}

static void bench_rows(const k_qgemm *k, const char *name, int64_t m, int64_t n, int64_t c) {
    static const int32_t zero;
    int64_t taps = 9, step = c * 4 / k->group, ldc = k_qgemm_panels(k, n) * k->nr;
    kc_buf b = kc_alloc(n * taps * c, 1), x = kc_alloc((m + taps) * step, 1), sums = kc_alloc(m * ldc, 4),
           init = kc_alloc(ldc, 4), y = kc_alloc(m * n, 1),
           packed = kc_alloc(k_qgemm_packed_bytes(k, n, taps * c) / 8 + 1, 8);
    fill(&b), fill(&x);
    double *f = calloc((size_t)n, 3 * sizeof *f);
    k_qgemm_src s = {b.data, true, n, taps * c, n, 1, &zero, 0};
    k_qgemm_pack(k, packed.data, &s);
    const uint8_t *rows[48 + K_QGEMM_MR];
    int64_t offset[9];
    for (int i = 0; i < 48 + K_QGEMM_MR; i++) rows[i] = x.data + (i < m ? i : m - 1) * step;
    for (int i = 0; i < 9; i++) offset[i] = i * step;
    int32_t *cp = (int32_t *)(void *)sums.data;
    k_qgemm_rows g = {rows, offset, taps, c / k->group, packed.data, (int32_t *)(void *)init.data, cp, ldc};
    k_qfinish e = {.m = f,
                   .b = f + n,
                   .lo = 0,
                   .hi = 255,
                   .y = K_Q_U8,
                   .mf = (float *)(f + 2 * n),
                   .bf = (float *)(f + 2 * n) + n};
    for (int64_t i = 0; i < n; i++) f[i] = 1e-4, ((float *)(f + 2 * n))[i] = 1e-4f;
    k_qfinish_narrow(&e, n);
    k_qepilogue all = {y.data, NULL, n, cp, ldc, 0, m, n};
    double t = KC_BEST(5, k->rows(&g, m, 0, ldc / k->nr));
    double t2 = KC_BEST(5, k->finish(&all, &e));
    printf("rows %lldx%lldx9x%lld %-24s %8.1f us %7.1f GOP/s, epilogue %8.1f us\n", (long long)m, (long long)n,
           (long long)c, name, t * 1e6, 2.0 * (double)(m * n * taps * c) / t * 1e-9, t2 * 1e6);
    free(f);
    kc_free(&b), kc_free(&x), kc_free(&sums), kc_free(&init), kc_free(&y), kc_free(&packed);
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
        bench_rows(e->k, e->name, 48, 64, 32);
        bench_rows(e->k, e->name, 48, 256, 256);
    }
    kc_free(&a), kc_free(&b), kc_free(&c);
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_product),      cmocka_unit_test(test_convert),
                                       cmocka_unit_test(test_ties_and_add), cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_finish),       cmocka_unit_test(test_narrow),
                                       cmocka_unit_test(test_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
