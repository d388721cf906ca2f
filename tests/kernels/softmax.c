/* SPDX-License-Identifier: MIT
 *
 * Softmax kernels of every level against ref.c. Tolerance: ref.c is exact to rounding; the kernel's exp is within
 * 1 ulp, and x - max (up to 40 here) is rounded, which is up to 16 eps of exp. `--bench` times them.
 */
#include "kcheck.h"
#include "kernels/softmax/softmax.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_softmax *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/softmax/softmax.def"
#undef PORTABLE
#undef KERNEL
};

static void special(float *x, int64_t n) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 3e38f, -3e38f, 1e-40f};
    if (n > 0 && kc_int(0, 3) == 0) x[kc_int(0, n - 1)] = odd[kc_int(0, 7)];
    if (kc_int(0, 9) == 0)
        for (int64_t i = 0; i < n; i++) x[i] = -INFINITY;
}

static void rows_case(const entry *e, int64_t rows, int64_t n, int64_t ldx, int64_t ldy, bool log_, bool in_place) {
    kc_buf x = kc_floats(rows * ldx, -20, 20), y = kc_alloc(rows * ldy, 4), want = kc_alloc(rows * ldy, 4);
    for (int64_t r = 0; r < rows; r++) special(kc_f(&x) + r * ldx, n);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes);
    k_softmax_ref.rows(kc_f(&want), ldy, kc_f(&x), ldx, rows, n, log_);
    if (in_place) {
        for (int64_t r = 0; r < rows; r++) memcpy(kc_f(&y) + r * ldy, kc_f(&x) + r * ldx, (size_t)n * 4);
        e->k->rows(kc_f(&y), ldy, kc_f(&y), ldy, rows, n, log_);
    } else {
        e->k->rows(kc_f(&y), ldy, kc_f(&x), ldx, rows, n, log_);
    }
    kc_close(e->name, kc_f(&y), kc_f(&want), rows * ldy, 30, log_ ? 2e-6f : 1e-37f);
    kc_free(&x), kc_free(&y), kc_free(&want);
}

static void columns_case(const entry *e, int64_t n, int64_t ld, int64_t begin, int64_t end, bool log_) {
    kc_buf x = kc_floats(n * ld, -20, 20), y = kc_alloc(n * ld, 4), want = kc_alloc(n * ld, 4);
    kc_buf ws = kc_alloc(2 * K_SOFTMAX_COLUMNS, 4);
    special(kc_f(&x), n * ld);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes);
    k_softmax_ref.columns(kc_f(&want), kc_f(&x), n, ld, begin, end, log_, kc_f(&ws));
    e->k->columns(kc_f(&y), kc_f(&x), n, ld, begin, end, log_, kc_f(&ws));
    kc_close(e->name, kc_f(&y), kc_f(&want), n * ld, 40, log_ ? 4e-6f : 1e-37f);
    kc_free(&x), kc_free(&y), kc_free(&want), kc_free(&ws);
}

static void test_rows(void **state) {
    KC_EACH(e) {
        for (int64_t n = 0; n <= 70; n++) rows_case(e, 3, n, n + n % 3, n + n % 5, n & 1, n & 2);
        for (int i = 0; i < 40; i++) {
            int64_t n = kc_int(1, 3000);
            rows_case(e, kc_int(0, 4), n, n + kc_int(0, 2), n, kc_int(0, 1), kc_int(0, 1));
        }
        rows_case(e, 1, 100003, 100003, 100003, false, false);
    }
}

static void test_columns(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 120; i++) {
            int64_t ld = kc_int(1, 600), begin = kc_int(0, ld), end = kc_int(begin, ld);
            columns_case(e, kc_int(1, 40), ld, begin, end, kc_int(0, 1));
        }
    }
}

static void bench(void) {
    static const int64_t shape[][2] = {{1536, 128}, {2364, 197}, {64, 2048}, {1, 1000}};
    for (size_t s = 0; s < 4; s++) {
        int64_t rows = shape[s][0], n = shape[s][1];
        kc_buf x = kc_floats(rows * n, -5, 5), y = kc_alloc(rows * n, 4);
        KC_EACH(e) {
            double t = KC_BEST(20, e->k->rows(kc_f(&y), n, kc_f(&x), n, rows, n, false));
            printf("softmax %lldx%lld %-20s %8.1f us %6.2f G/s\n", (long long)rows, (long long)n, e->name, t * 1e6,
                   (double)(rows * n) / t * 1e-9);
        }
        kc_free(&x), kc_free(&y);
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
