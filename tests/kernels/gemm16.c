/* SPDX-License-Identifier: MIT
 *
 * Products with 16-bit operands. Every level against plain C on the operands as rounded (edges, pieces, gathers,
 * epilogues; twice the tolerance of tests/kernels/gemm.c, since scales go up to 2), and against the exact product of
 * the unrounded ones within the bound that gemm16.h states; ways that round B only, bit for bit against kernels/gemm;
 * AVX512_BF16 against its portable twin, bit for bit. --bench [shape] prints GFLOP/s beside FP32's.
 */
#include <float.h>

#include "gemm_shapes.h"
#include "kernels/gemm16/gemm16.h"
#include "tensor/dtype.h"

typedef struct entry {
    cpu_level level;
    k_gemm16_way way;
    const char *name;
    const k_gemm *k;
} entry;
static const entry list[] = {
#define KERNEL(level, way, symbol) {level, way, #symbol, &symbol},
#define PORTABLE(way, symbol)      KERNEL(CPU_REF, way, symbol)
#include "kernels/gemm16/gemm16.def"
#undef PORTABLE
#undef KERNEL
};

static const char *const way_names[K_GEMM16_WAYS] = {"bf16", "fp16", "bf16dot", "fp16fma", "bf16tile", "fp32tile"};

static bool rounds_a(k_gemm16_way w) { return w >= K_BF16_DOT && w != K_FP32_TILE; }
static bool flushes(k_gemm16_way w) { return w == K_BF16_DOT || w == K_BF16_TILE || w == K_FP32_TILE; }
static bool is_half(k_gemm16_way w) { return w == K_FP16 || w == K_FP16_FMA; }
static float round_b(k_gemm16_way w, float x) {
    if (w == K_FP32_TILE) return x;
    return is_half(w) ? half_to_float(half_from_float(x)) : bf16_to_float(bf16_from_float(x));
}
static const k_gemm *plain(k_gemm16_way w) {
    return w == K_FP32_TILE ? &k_gemm_ref : is_half(w) ? &k_gemm16_fp16_ref : &k_gemm16_bf16_ref;
}

static void run_all(const k_gemm *k, const k_gemm_args *g, void *ws) {
    k->run(g, 0, g->m, 0, k_gemm_panels(k, g->n), ws);
}

/* FP16 sums are tested on operands that keep them exact: multiples of 1/4 from -1 to 1, scaled by powers of 2. */
static kc_buf operand(const entry *e, int64_t n) {
    kc_buf b = kc_floats(n, -1, 1);
    for (int64_t i = 0; i < n && e->way == K_FP16_FMA; i++) kc_f(&b)[i] = rintf(kc_f(&b)[i] * 4) / 4;
    return b;
}
static kc_buf scales(const entry *e, int64_t n) {
    kc_buf b = kc_floats(n, 0.5f, 2);
    for (int64_t i = 0; i < n && e->way == K_FP16_FMA; i++) kc_f(&b)[i] = kc_f(&b)[i] > 1 ? 2 : 1;
    return b;
}

/* a: the n floats that g->a points into. */
static void compare(const entry *e, k_gemm_args *g, const k_pack_src *s, const kc_buf *a, int64_t n) {
    kc_buf got = kc_alloc(g->m * g->ldc, 4), want = kc_alloc(g->m * g->ldc, 4), ws = kc_alloc(1, k_gemm_workspace());
    for (int64_t i = 0; i < g->m * g->ldc; i++) kc_f(&got)[i] = kc_f(&want)[i] = g->residual ? g->residual[i] : 7;
    float *b = packed(e->k, s), *bref = packed(plain(e->way), s);
    const float *res = g->residual;
    g->b = b, g->c = kc_f(&got);
    if (res && kc_int(0, 1)) g->residual = g->c;
    run_in_pieces(e->k, g, ws.data);
    g->residual = res;
    for (int64_t i = 0; i < n && rounds_a(e->way); i++) kc_f(a)[i] = round_b(e->way, kc_f(a)[i]);
    g->b = bref, g->c = kc_f(&want);
    run_all(plain(e->way), g, NULL);
    kc_close(e->name, kc_f(&got), kc_f(&want), g->m * g->ldc, 16, 0x1p-22f * (4 + (float)g->k / 3));
    kc_free(&got), kc_free(&want), kc_free(&ws), free(b), free(bref);
}

static void matrix_case(const entry *e, int64_t m, int64_t n, int64_t k) {
    bool ta = kc_int(0, 3) == 0, tb = kc_int(0, 1);
    int64_t extra = kc_int(0, 3);
    k_gemm_args g = {.kind = ta ? K_A_COLS : K_A_ROWS, .m = m, .n = n, .k = k, .ldc = n + kc_int(0, 3)};
    g.lda = (ta ? m : k) + extra;
    int64_t ldb = (tb ? k : n) + extra, floats = (ta ? k : m) * g.lda;
    kc_buf a = operand(e, floats), b = operand(e, (tb ? n : k) * ldb), scale = scales(e, n), bias, res;
    g.a = kc_f(&a);
    random_epilogue(&g, &bias, &res);
    k_pack_src s = {b.data, 1, k, n, 0, tb ? 1 : ldb, tb ? ldb : 1, kc_int(0, 1) ? 1.0f : 0.5f, NULL};
    if (kc_int(0, 3) == 0) s.scale_n = kc_f(&scale);
    compare(e, &g, &s, &a, floats);
    kc_free(&a), kc_free(&b), kc_free(&bias), kc_free(&res), kc_free(&scale);
}

static void test_edges(void **state) {
    KC_EACH(e) {
        for (int64_t m = 1; m <= 30; m++) matrix_case(e, m, kc_int(1, 140), kc_int(1, 40));
        for (int64_t n = 1; n <= 140; n++) matrix_case(e, kc_int(1, 17), n, kc_int(1, 40));
        for (int64_t k = 0; k <= 70; k++) matrix_case(e, kc_int(1, 17), kc_int(1, 70), k);
    }
}

static void test_large(void **state) {
    KC_EACH(e) {
        if (strstr(e->name, "ref")) continue;
        for (int i = 0; i < 6; i++) matrix_case(e, kc_int(1, 60), kc_int(1, 400), kc_int(1, 1300));
        matrix_case(e, 29, 70, 2049); /* blocks of K that a step must not straddle */
        matrix_case(e, 3, 1030, 1027);
        matrix_case(e, 150, 70, 4100); /* more rows than stay in L2 */
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
    kc_buf x = operand(e, pixels * v.ld), w = operand(e, n * channels * taps), bias, res;
    g.a = kc_f(&x) + kc_int(0, offset);
    random_epilogue(&g, &bias, &res);
    k_pack_src s = {w.data, taps, channels, n, 1, taps, channels * taps, 1.0f, NULL};
    compare(e, &g, &s, &x, pixels * v.ld);
    kc_free(&x), kc_free(&w), kc_free(&bias), kc_free(&res);
}

static void test_conv(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 100; i++) conv_case(e, (int)kc_int(1, 3), kc_int(1, 9), kc_int(1, 40));
        for (int i = 0; i < 6; i++) conv_case(e, 2, kc_int(60, 140), kc_int(1, 70));
    }
}

/* Operands for the tests of rounding, of magnitudes from 2^-10 to 2^top. */
typedef struct operands {
    kc_buf a, b;
    k_gemm_args g;
    k_pack_src s;
} operands;

static operands wide_operands(int top, int64_t m, int64_t n, int64_t k) {
    operands o = {.a = kc_floats(m * k, -1, 1), .b = kc_floats(k * n, -1, 1)};
    for (int64_t i = 0; i < m * k; i++) kc_f(&o.a)[i] *= exp2f((float)kc_int(-10, top));
    for (int64_t i = 0; i < k * n; i++) kc_f(&o.b)[i] *= exp2f((float)kc_int(-10, top));
    o.s = (k_pack_src){o.b.data, 1, k, n, 0, n, 1, 1.0f, NULL};
    o.g = (k_gemm_args){.a = kc_f(&o.a), .lda = k, .m = m, .n = n, .k = k, .ldc = n};
    return o;
}

static void product(const k_gemm *k, operands *o, float *c) {
    kc_buf ws = kc_alloc(1, k_gemm_workspace());
    float *b = packed(k, &o->s);
    o->g.b = b, o->g.c = c;
    run_all(k, &o->g, ws.data);
    kc_free(&ws), free(b);
}

/* The stated bound, against sums in double of what was not rounded. */
static void test_bound(void **state) {
    KC_EACH(e) {
        double ub = e->way == K_FP32_TILE ? 0x1p-24
                    : is_half(e->way)     ? 0x1p-11
                                          : 0x1p-8,
               ua = e->way >= K_BF16_DOT ? ub : 0;
        double off = 0, size = 0;
        for (int round = 0; round < 20; round++) {
            int64_t m = kc_int(1, 20), n = kc_int(1, 50), k = kc_int(1, 900);
            operands o = wide_operands(e->way == K_FP16_FMA && round % 2 ? 2 : 10, m, n, k); /* 10: beyond FP16 */
            kc_buf got = kc_alloc(m * n, 4);
            product(e->k, &o, kc_f(&got));
            for (int64_t i = 0; i < m * n; i++) {
                double exact = 0, sum = 0, small = 0, fma = 0;
                for (int64_t j = 0; j < k; j++) {
                    double a = kc_f(&o.a)[i / n * k + j], b = kc_f(&o.b)[j * n + i % n];
                    exact += a * b, sum += fabs(a * b), small += fabs(a), fma += fabs(b) + 1;
                }
                double bound = (ub + ua + ub * ua + (double)(k + 4) * 0x1p-24) * sum;
                if (is_half(e->way)) bound += 0x1p-25 * small;
                if (e->way == K_FP16_FMA) bound += 0x1p-6 * sum + 0x1p-25 * fma;
                if (e->way == K_FP16_FMA) off += pow(kc_f(&got)[i] - exact, 2), size += exact * exact;
                if (fabs(kc_f(&got)[i] - exact) > bound)
                    fail_msg("%s: %.9g, exact %.9g, bound %g", e->name, (double)kc_f(&got)[i], exact, bound);
            }
            kc_free(&got), kc_free(&o.a), kc_free(&o.b);
        }
        if (!(sqrt(off) <= 0x1p-9 * sqrt(size))) fail_msg("%s: error %g of the size", e->name, sqrt(off / size));
    }
}

static bool same_bits(const float *a, const float *b, int64_t n) { return memcmp(a, b, (size_t)n * 4) == 0; }

static const k_gemm *fp32_twin(const entry *e) {
    if (strstr(e->name, "portable")) return strstr(e->name, "16_portable8") ? &k_gemm_portable8 : &k_gemm_portable16;
    return k_gemm_pick(e->level);
}

/* Ways that round B only are kernels/gemm on a rounded B. */
static void test_is_fp32_on_rounded(void **state) {
    KC_EACH(e) {
        if (e->way >= K_BF16_DOT) continue;
        for (int round = 0; round < 20; round++) {
            int64_t m = kc_int(1, 40), n = kc_int(1, 90), k = kc_int(1, 768);
            operands o = wide_operands(10, m, n, k);
            kc_buf got = kc_alloc(m * n, 4), want = kc_alloc(m * n, 4);
            product(e->k, &o, kc_f(&got));
            for (int64_t i = 0; i < k * n; i++) kc_f(&o.b)[i] = round_b(e->way, kc_f(&o.b)[i]);
            product(fp32_twin(e), &o, kc_f(&want));
            if (!same_bits(kc_f(&got), kc_f(&want), m * n))
                fail_msg("%s: %d x %d x %d", e->name, (int)m, (int)n, (int)k);
            kc_free(&got), kc_free(&want), kc_free(&o.a), kc_free(&o.b);
        }
    }
}

/* A way with an instruction of its own is the same bits at every level, subnormals and all. */
static void test_same_everywhere(void **state) {
    KC_EACH(e) {
        if (e->way < K_BF16_DOT) continue;
        const k_gemm *twin = e->way == K_BF16_DOT    ? &k_gemm16_bf16dot_portable16
                             : e->way == K_FP32_TILE ? &k_gemm16_fp32tile_portable16
                             : e->way == K_BF16_TILE ? &k_gemm16_bf16tile_portable16
                                                     : &k_gemm16_fp16fma_portable16;
        for (int round = 0; round < 60 && e->k != twin; round++) {
            int64_t m = kc_int(1, 40), n = kc_int(1, 90), k = kc_int(1, 1600);
            operands o = wide_operands(e->way == K_FP16_FMA && round % 3 ? 2 : 10, m, n, k);
            for (int64_t i = 0; i < m * k && round % 2; i++) kc_f(&o.a)[i] *= flushes(e->way) ? 0x1p-126f : 0x1p-14f;
            kc_buf got = kc_alloc(m * n, 4), want = kc_alloc(m * n, 4);
            product(e->k, &o, kc_f(&got));
            product(twin, &o, kc_f(&want));
            if (!same_bits(kc_f(&got), kc_f(&want), m * n))
                fail_msg("%s: %d x %d x %d", e->name, (int)m, (int)n, (int)k);
            kc_free(&got), kc_free(&want), kc_free(&o.a), kc_free(&o.b);
        }
    }
}

/* The pieces' error against double is FP32's, of sums that cancel and of sums that do not. */
static double size_of_error(const k_gemm *k, operands *o) {
    const int64_t m = o->g.m, n = o->g.n, depth = o->g.k;
    kc_buf got = kc_alloc(m * n, 4);
    double off = 0;
    product(k, o, kc_f(&got));
    for (int64_t i = 0; i < m * n; i++) {
        double exact = 0, sum = 0;
        for (int64_t j = 0; j < depth; j++) {
            const double p = (double)kc_f(&o->a)[i / n * depth + j] * (double)kc_f(&o->b)[j * n + i % n];
            exact += p, sum += fabs(p);
        }
        off += pow((kc_f(&got)[i] - exact) / sum, 2);
    }
    kc_free(&got);
    return sqrt(off / (double)(m * n));
}

static void test_pieces_are_fp32(void **state) {
    static const int64_t depths[] = {64, 147, 576, 2304};
    KC_EACH(e) {
        if (e->way != K_FP32_TILE) continue;
        for (int i = 0; i < 8; i++) {
            operands o = wide_operands(i / 4 ? -10 : 3, 40, 33, depths[i % 4]);
            for (int64_t j = 0; j < o.g.m * o.g.k && i % 2; j++) kc_f(&o.a)[j] = fabsf(kc_f(&o.a)[j]);
            for (int64_t j = 0; j < o.g.n * o.g.k && i % 2; j++) kc_f(&o.b)[j] = fabsf(kc_f(&o.b)[j]);
            const double pieces = size_of_error(e->k, &o), fma = size_of_error(&k_gemm_portable16, &o);
            if (!(pieces <= 1.25 * fma)) fail_msg("%s: error %.3g, of fma %.3g", e->name, pieces, fma);
            kc_free(&o.a), kc_free(&o.b);
        }
    }
}

/* One product a b each: what packing makes of b. */
static float times_one(const entry *e, float a, float b) {
    _Alignas(64) static char ws[1 << 17];
    assert_true(sizeof ws >= k_gemm_workspace());
    float c[2];
    k_pack_src s = {&b, 1, 1, 1, 0, 1, 1, 1.0f, NULL};
    float *p = packed(e->k, &s), two[2] = {a, a};
    k_gemm_args g = {.a = two, .lda = 1, .b = p, .m = 2, .n = 1, .k = 1, .c = c, .ldc = 1};
    run_all(e->k, &g, ws);
    free(p);
    return c[1];
}

/* Nearest even, overflow, NaN and infinity, in either operand. */
static void test_special(void **state) {
    KC_EACH(e) {
        bool half = is_half(e->way), whole = e->way == K_FP32_TILE;
        float ulp = whole ? 0x1p-23f : half ? 0x1p-10f : 0x1p-7f;
        assert_true(times_one(e, 1, 1 + ulp / 2) == 1 && times_one(e, 1, 1 + 3 * ulp / 2) == 1 + 2 * ulp);
        assert_true(times_one(e, 1, 1 + ulp * 0.501f) == 1 + ulp);
        assert_true(times_one(e, 1, half ? 65519.0f : 3.39e38f) == (whole ? 3.39e38f : half ? 65504.0f : 0x1.fep127f));
        assert_true(times_one(e, 1, half ? 65520.0f : 3.4e38f) == (whole ? 3.4e38f : INFINITY));
        assert_true(times_one(e, 2, -INFINITY) == -INFINITY && times_one(e, -INFINITY, 2) == -INFINITY);
        assert_true(isnan(times_one(e, 1, NAN)) && isnan(times_one(e, NAN, 0)) && isnan(times_one(e, INFINITY, 0)));
        float tiny = half ? 0x1p-24f : 0x1p-133f;
        assert_true(times_one(e, 1, tiny) == (flushes(e->way) ? 0 : tiny));
        if (e->way == K_FP16_FMA) assert_true(times_one(e, 65520, 1) == 65520 && times_one(e, -512, 128) == -65536);
        if (whole) assert_true(times_one(e, -FLT_MAX, 1) == -FLT_MAX && times_one(e, FLT_MAX, 2) == INFINITY);
        assert_true(signbit(times_one(e, -1, 0)) == 0); /* sums start from +0 */
    }
    float w[3] = {65504, -65519, NAN};
    assert_true(k_gemm16_fits(w, 3, 1) && !k_gemm16_fits(w, 3, 2));
    w[2] = -65520;
    assert_false(k_gemm16_fits(w, 3, 1));
    w[2] = INFINITY;
    assert_true(k_gemm16_fits(w, 3, 1));
}

static __attribute__((noinline)) void paint_stack(int byte) {
    char mem[1 << 15];
    memset(mem, byte, sizeof mem);
    __asm__ volatile("" : : "r"(mem) : "memory");
}

/* Columns that a tile does not have are nobody's business: what lies there (NaNs, say) must not reach the sums that are
 * looked at again, which would become those of exact arithmetic. */
static void test_columns_that_are_not_there(void **state) {
    enum { M = 40, N = 5, K = 27 };
    KC_EACH(e) {
        kc_buf a = kc_floats(M * K, -1, 1), b = kc_floats(K * N, -1, 1), ws = kc_alloc(1, k_gemm_workspace());
        float c[2][M * N];
        k_pack_src s = {b.data, 1, K, N, 0, N, 1, 1.0f, NULL};
        float *pack = packed(e->k, &s);
        k_gemm_args g = {.kind = K_A_ROWS, .a = kc_f(&a), .m = M, .n = N, .k = K, .lda = K, .ldc = N, .b = pack};
        for (int i = 0; i < 2; i++) {
            g.c = c[i];
            paint_stack(i ? 0xff : 0);
            run_all(e->k, &g, ws.data);
        }
        if (memcmp(c[0], c[1], sizeof c[0]) != 0) fail_msg("%s: depends on what lies on the stack", e->name);
        kc_free(&a), kc_free(&b), kc_free(&ws), free(pack);
    }
}

static void test_pick(void **state) {
    assert_ptr_equal(k_gemm16_pick(K_BF16, CPU_REF), &k_gemm16_bf16_ref);
    assert_ptr_equal(k_gemm16_pick(K_FP16, CPU_REF), &k_gemm16_fp16_ref);
    assert_null(k_gemm16_pick(K_BF16_DOT, CPU_AVX2));
    assert_null(k_gemm16_pick(K_FP16_FMA, CPU_AVX512BF16));
    assert_null(k_gemm16_pick(K_BF16_TILE, CPU_AVX512FP16));
    assert_null(k_gemm16_pick(K_FP32_TILE, CPU_AVX512FP16));
}

static void bench(const char *only) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (only && !strstr(shapes[i].name, only)) continue;
        printf("%-24s f32 %6.1f", shapes[i].name, bench_shape(k_gemm_pick(cpu_best()), &shapes[i], 20));
        for (int w = 0; w < K_GEMM16_WAYS; w++) {
            const k_gemm *k = k_gemm16_pick((k_gemm16_way)w, cpu_best());
            if (k) printf("  %s %6.1f", way_names[w], bench_shape(k, &shapes[i], 20));
        }
        printf("  GFLOP/s\n");
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(argc > 2 ? argv[2] : NULL), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_large),
                                       cmocka_unit_test(test_conv),
                                       cmocka_unit_test(test_bound),
                                       cmocka_unit_test(test_is_fp32_on_rounded),
                                       cmocka_unit_test(test_same_everywhere),
                                       cmocka_unit_test(test_pieces_are_fp32),
                                       cmocka_unit_test(test_special),
                                       cmocka_unit_test(test_columns_that_are_not_there),
                                       cmocka_unit_test(test_pick)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
