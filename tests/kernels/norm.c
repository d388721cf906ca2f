/* SPDX-License-Identifier: MIT
 *
 * Normalisation kernels of every level against ref.c (sums in double). Tolerances: statistics a few eps of the
 * magnitudes summed; a normalised value of size v inherits eps * |mean| / sigma, covered by atol for data of order 1.
 */
#include "kcheck.h"
#include "kernels/norm/norm.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_norm *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/norm/norm.def"
#undef PORTABLE
#undef KERNEL
};

static void layer_case(const entry *e, int64_t rows, int64_t n, unsigned flags) {
    kc_buf x = kc_floats(rows * n, -3, 5), res = kc_floats(rows * n, -1, 1), scale = kc_floats(n, -2, 2),
           bias = kc_floats(n, -1, 1), st = kc_alloc(2 * rows, 4), st2 = kc_alloc(2 * rows, 4);
    kc_buf y = kc_alloc(rows * n, 4), want = kc_alloc(rows * n, 4), sum = kc_alloc(rows * n, 4),
           sum2 = kc_alloc(rows * n, 4);
    k_layer_args a = {.y = kc_f(&want),
                      .x = kc_f(&x),
                      .residual = flags & 1 ? kc_f(&res) : NULL,
                      .scale = flags & 2 ? kc_f(&scale) : NULL,
                      .bias = flags & 4 ? kc_f(&bias) : NULL,
                      .sum = flags & 8 ? kc_f(&sum2) : NULL,
                      .mean = kc_f(&st2),
                      .inv = kc_f(&st2) + rows,
                      .n = n,
                      .eps = 1e-5f,
                      .rms = flags & 16};
    memset(st.data, 0, st.bytes), memset(st2.data, 0, st2.bytes);
    k_norm_ref.layer(&a, 0, rows);
    a.y = kc_f(&y), a.sum = flags & 8 ? kc_f(&sum) : NULL, a.mean = kc_f(&st), a.inv = kc_f(&st) + rows;
    if (flags & 32) memcpy(y.data, x.data, x.bytes), a.x = kc_f(&y); /* in place */
    e->k->layer(&a, 0, rows);
    kc_close(e->name, kc_f(&y), kc_f(&want), rows * n, 16, n < 4 ? 1e-3f : 4e-6f);
    if (flags & 8) kc_close(e->name, kc_f(&sum), kc_f(&sum2), rows * n, 0, 0);
    if (n > 3) kc_close(e->name, kc_f(&st), kc_f(&st2), 2 * rows, 16, 1e-6f);
    kc_free(&x), kc_free(&res), kc_free(&scale), kc_free(&bias), kc_free(&st), kc_free(&st2);
    kc_free(&y), kc_free(&want), kc_free(&sum), kc_free(&sum2);
}

static void test_layer(void **state) {
    KC_EACH(e) {
        for (int64_t n = 1; n <= 70; n++) layer_case(e, 2, n, (unsigned)kc_next() & 63);
        for (unsigned f = 0; f < 64; f++) layer_case(e, kc_int(0, 4), kc_int(4, 3000), f);
    }
}

static void columns_case(const entry *e, int64_t rows, int64_t cols, int64_t ld) {
    kc_buf x = kc_floats(rows * ld, -3, 5), a = kc_floats(cols, -2, 2), b = kc_floats(cols, -1, 1);
    kc_buf m = kc_alloc(2 * cols, 4), m2 = kc_alloc(2 * cols, 4), y = kc_alloc(rows * ld, 4),
           y2 = kc_alloc(rows * ld, 4);
    memset(y.data, 0, y.bytes), memset(y2.data, 0, y2.bytes);
    k_norm_ref.column_moments(kc_f(&x), rows, cols, ld, kc_f(&m2), kc_f(&m2) + cols);
    e->k->column_moments(kc_f(&x), rows, cols, ld, kc_f(&m), kc_f(&m) + cols);
    kc_close(e->name, kc_f(&m), kc_f(&m2), 2 * cols, 16, 2e-6f);
    k_norm_ref.column_affine(kc_f(&y2), kc_f(&x), rows, cols, ld, kc_f(&a), kc_f(&b));
    e->k->column_affine(kc_f(&y), kc_f(&x), rows, cols, ld, kc_f(&a), kc_f(&b));
    kc_close(e->name, kc_f(&y), kc_f(&y2), rows * ld, 1, 0);
    kc_free(&x), kc_free(&a), kc_free(&b), kc_free(&m), kc_free(&m2), kc_free(&y), kc_free(&y2);
}

static void test_columns(void **state) {
    KC_EACH(e) {
        for (int i = 0; i < 60; i++) {
            int64_t cols = kc_int(1, 90);
            columns_case(e, kc_int(1, 300), cols, cols + kc_int(0, 5));
        }
    }
}

static void rows_case(const entry *e, int64_t rows, int64_t n) {
    kc_buf x = kc_floats(rows * n, -3, 5), a = kc_floats(rows, -2, 2), b = kc_floats(rows, -1, 1);
    kc_buf y = kc_alloc(rows * n, 4), y2 = kc_alloc(rows * n, 4);
    k_norm_ref.affine(kc_f(&y2), kc_f(&x), rows, n, kc_f(&a), kc_f(&b));
    e->k->affine(kc_f(&y), kc_f(&x), rows, n, kc_f(&a), kc_f(&b));
    kc_close(e->name, kc_f(&y), kc_f(&y2), rows * n, 1, 0);
    float m[2], m2[2];
    k_norm_ref.moments(kc_f(&x), rows * n, &m2[0], &m2[1]);
    e->k->moments(kc_f(&x), rows * n, &m[0], &m[1]);
    kc_close(e->name, m, m2, 2, 8, 1e-6f);
    kc_free(&x), kc_free(&a), kc_free(&b), kc_free(&y), kc_free(&y2);
}

static void test_rows(void **state) {
    KC_EACH(e) for (int i = 0; i < 60; i++) rows_case(e, kc_int(1, 5), kc_int(1, 2500));
}

static void lp_case(const entry *e, int64_t n, int64_t step, int p) {
    kc_buf x = kc_floats(n * step, -3, 5), y = kc_alloc(n * step, 4), y2 = kc_alloc(n * step, 4);
    memset(y.data, 0, y.bytes), memset(y2.data, 0, y2.bytes);
    if (kc_int(0, 5) == 0) memset(x.data, 0, x.bytes);
    k_norm_ref.lp(kc_f(&y2), kc_f(&x), n, step, p);
    e->k->lp(kc_f(&y), kc_f(&x), n, step, p);
    kc_close(e->name, kc_f(&y), kc_f(&y2), n * step, 8, 0);
    kc_free(&x), kc_free(&y), kc_free(&y2);
}

static void test_lp(void **state) {
    KC_EACH(e)
    for (int i = 0; i < 80; i++) lp_case(e, kc_int(1, 700), kc_int(0, 1) ? 1 : kc_int(1, 9), (int)kc_int(1, 2));
}

/* One plane of seven. */
static void lrn_case(const entry *e, int64_t n) {
    int64_t step = n + kc_int(0, 5);
    kc_buf x = kc_floats(7 * step, -3, 5), y = kc_alloc(n, 4), y2 = kc_alloc(n, 4);
    k_lrn_args a = {.x = kc_f(&x) + 3 * step,
                    .y = kc_f(&y2),
                    .n = n,
                    .step = step,
                    .from = kc_int(-3, 0),
                    .to = kc_int(0, 3),
                    .bias = kc_float(0.5f, 2),
                    .alpha = kc_float(0, 2),
                    .beta = kc_float(0, 2)};
    k_norm_ref.lrn(&a);
    a.y = kc_f(&y);
    e->k->lrn(&a);
    kc_close(e->name, kc_f(&y), kc_f(&y2), n, 24, 0);
    kc_free(&x), kc_free(&y), kc_free(&y2);
}

static void test_lrn(void **state) { KC_EACH(e) for (int i = 0; i < 80; i++) lrn_case(e, kc_int(1, 200)); }

static void bench(void) {
    int64_t rows = 197, n = 768;
    kc_buf x = kc_floats(rows * n, -3, 3), g = kc_floats(n, -1, 1), y = kc_alloc(rows * n, 4);
    KC_EACH(e) {
        k_layer_args a = {.y = kc_f(&y), .x = kc_f(&x), .scale = kc_f(&g), .bias = kc_f(&g), .n = n, .eps = 1e-5f};
        double t = KC_BEST(50, e->k->layer(&a, 0, rows));
        printf("layer norm 197x768 %-18s %8.1f us %6.2f G/s\n", e->name, t * 1e6, (double)(rows * n) / t * 1e-9);
    }
    kc_free(&x), kc_free(&y), kc_free(&g);
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layer), cmocka_unit_test(test_columns),
                                       cmocka_unit_test(test_rows), cmocka_unit_test(test_lp),
                                       cmocka_unit_test(test_lrn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
