/* SPDX-License-Identifier: MIT
 *
 * Reduction kernels of every level against ref.c (accumulated in double). Tolerance of sums: 64 eps of the sum of
 * magnitudes (blocks of 64 terms a lane); of the others a few eps.
 */
#include "kcheck.h"
#include "kernels/reduce/reduce.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_reduce *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/reduce/reduce.def"
#undef PORTABLE
#undef KERNEL
};

static void special(float *x, int64_t n) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f};
    if (n > 0 && kc_int(0, 4) == 0) x[kc_int(0, n - 1)] = odd[kc_int(0, 4)];
    if (n > 0 && kc_int(0, 9) == 0) x[kc_int(0, n - 1)] = odd[kc_int(0, 4)];
}

static void run_case(const entry *e, k_reduce_op op, int64_t outer, int64_t n, int64_t inner) {
    float span = op == K_REDUCE_PROD ? 1.2f : 3.0f;
    kc_buf x = kc_floats(outer * n * inner, op == K_REDUCE_LOGSUM ? 0.1f : -span, span);
    kc_buf y = kc_alloc(outer * inner, 4), want = kc_alloc(outer * inner, 4), mag = kc_alloc(outer * inner, 4);
    if (op != K_REDUCE_PROD || n < 100)
        special(kc_f(&x), outer * n * inner); /* 0 (underflow) times inf depends on the order */
    int64_t total = outer * inner, begin = total ? kc_int(0, total) : 0, end = total ? kc_int(begin, total) : 0;
    k_reduce_ref.run(op, kc_f(&want), kc_f(&x), n, inner, begin, end);
    k_reduce_ref.run(K_REDUCE_L1, kc_f(&mag), kc_f(&x), n, inner, begin, end);
    e->k->run(op, kc_f(&y), kc_f(&x), n, inner, begin, end);
    for (int64_t i = begin; i < end; i++) {
        bool sum = op == K_REDUCE_SUM || op == K_REDUCE_MEAN;
        float atol = sum ? 64 * 0x1p-24f * kc_f(&mag)[i] / (op == K_REDUCE_MEAN && n ? (float)n : 1) : 0;
        if (op == K_REDUCE_LOGSUM || op == K_REDUCE_LOGSUMEXP) atol = 1e-5f;
        if (isnan(atol) || isinf(atol)) atol = 0;
        kc_close(e->name, kc_f(&y) + i, kc_f(&want) + i, 1, op == K_REDUCE_MAX || op == K_REDUCE_MIN ? 0 : 80, atol);
    }
    kc_free(&x), kc_free(&y), kc_free(&want), kc_free(&mag);
}

static void arg_case(const entry *e, int64_t outer, int64_t n, int64_t inner) {
    kc_buf x = kc_floats(outer * n * inner, -3, 3), y = kc_alloc(outer * inner, 8), want = kc_alloc(outer * inner, 8);
    for (int64_t i = 0; i < outer * n * inner; i++) kc_f(&x)[i] = roundf(kc_f(&x)[i]); /* many equal ones */
    special(kc_f(&x), outer * n * inner);
    bool max = kc_int(0, 1), last = kc_int(0, 1);
    k_reduce_ref.arg(max, last, (int64_t *)(void *)want.data, kc_f(&x), n, inner, 0, outer * inner);
    e->k->arg(max, last, (int64_t *)(void *)y.data, kc_f(&x), n, inner, 0, outer * inner);
    assert_memory_equal(y.data, want.data, y.bytes);
    kc_free(&x), kc_free(&y), kc_free(&want);
}

static void test_run(void **state) {
    KC_EACH(e) {
        for (int op = 0; op < K_REDUCE_OPS; op++) {
            for (int64_t n = 0; n <= 40; n++)
                run_case(e, (k_reduce_op)op, 2, n, 1), run_case(e, (k_reduce_op)op, 2, n, kc_int(1, 90));
            for (int i = 0; i < 10; i++) {
                run_case(e, (k_reduce_op)op, kc_int(1, 3), kc_int(1, 9000), 1);
                run_case(e, (k_reduce_op)op, kc_int(1, 3), kc_int(1, 500), kc_int(2, 150));
            }
            run_case(e, (k_reduce_op)op, 1, 9001, 5);
        }
    }
}

static void test_arg(void **state) {
    KC_EACH(e)
    for (int i = 0; i < 200; i++) arg_case(e, kc_int(1, 4), kc_int(1, 100), kc_int(0, 1) ? 1 : kc_int(1, 20));
}

static void bench(void) {
    static const int64_t shape[][3] = {{1000, 768, 1}, {1, 49, 2048}, {512, 49, 1}};
    for (size_t s = 0; s < 3; s++) {
        int64_t o = shape[s][0], n = shape[s][1], in = shape[s][2];
        kc_buf x = kc_floats(o * n * in, -5, 5), y = kc_alloc(o * in, 4);
        KC_EACH(e) {
            double t = KC_BEST(50, e->k->run(K_REDUCE_MEAN, kc_f(&y), kc_f(&x), n, in, 0, o * in));
            printf("mean %lldx%lldx%lld %-18s %8.1f us %6.2f G/s\n", (long long)o, (long long)n, (long long)in, e->name,
                   t * 1e6, (double)(o * n * in) / t * 1e-9);
        }
        kc_free(&x), kc_free(&y);
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_run), cmocka_unit_test(test_arg)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
