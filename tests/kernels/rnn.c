/* SPDX-License-Identifier: MIT
 *
 * Recurrent kernels of every level against ref.c. The product sums in the same order with FMA, so it is exact; gates
 * go through sigmoid and tanh, a few ulp of values up to 1.
 */
#include "kcheck.h"
#include "kernels/rnn/rnn.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_rnn *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/rnn/rnn.def"
#undef PORTABLE
#undef KERNEL
};

static void matvec_case(const entry *e, int64_t batch, int64_t n, int64_t k) {
    kc_buf r = kc_floats(n * k, -1, 1), h = kc_floats(batch * (k + 3), -1, 1), init = kc_floats(batch * (n + 2), -1, 1);
    kc_buf p = kc_alloc(k_rnn_packed(n, k), 4), y = kc_alloc(batch * (n + 1), 4), want = kc_alloc(batch * (n + 1), 4);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes);
    k_rnn_pack(kc_f(&p), r.data, n, k);
    int64_t begin = kc_int(0, n / K_RNN_PANEL) * K_RNN_PANEL;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t j = begin; j < n; j++) {
            float s = kc_f(&init)[b * (n + 2) + j];
            for (int64_t i = 0; i < k; i++) s = fmaf(kc_f(&h)[b * (k + 3) + i], kc_f(&r)[j * k + i], s);
            kc_f(&want)[b * (n + 1) + j] = s;
        }
    e->k->matvec(kc_f(&y), n + 1, kc_f(&init), n + 2, kc_f(&h), k + 3, kc_f(&p), batch, n, k, begin, n);
    kc_close(e->name, kc_f(&y), kc_f(&want), batch * (n + 1), 0, 0);
    kc_free(&r), kc_free(&h), kc_free(&init), kc_free(&p), kc_free(&y), kc_free(&want);
}

static void test_matvec(void **state) {
    KC_EACH(e) for (int i = 0; i < 120; i++) matvec_case(e, kc_int(1, 9), kc_int(1, 300), kc_int(1, 150));
}

/* Runs every cell on the same data with kernel k; out has 8 * hidden values. */
static void cells(const k_rnn *k, float *out, const float *in, int64_t n, float clip, bool peep) {
    float *c = out, *h = out + n, *gx = malloc((size_t)n * 12);
    memcpy(c, in, (size_t)n * 4);
    k->lstm(h, c, in + n, peep ? in + 5 * n : NULL, n, clip);
    k->gru_linear(out + 2 * n, in, in + n, in + 4 * n, peep ? in + 7 * n : NULL, n, clip);
    memcpy(gx, in + n, (size_t)n * 12);
    k->gru_reset(out + 3 * n, gx, in, in + 4 * n, n, clip);
    memcpy(out + 4 * n, gx, (size_t)n * 4);
    k->gru_output(out + 5 * n, in, gx, in + 4 * n, n, clip);
    k->rnn(out + 6 * n, in, true, n, clip);
    k->rnn(out + 7 * n, in, false, n, clip);
    free(gx);
}

static void test_cells(void **state) {
    KC_EACH(e) for (int64_t n = 1; n < 90; n++) {
        float clip = n % 4 == 0 ? 1.5f : 0;
        kc_buf in = kc_floats(8 * n, -4, 4), out = kc_alloc(8 * n, 4), want = kc_alloc(8 * n, 4);
        cells(&k_rnn_ref, kc_f(&want), kc_f(&in), n, clip, n & 1);
        cells(e->k, kc_f(&out), kc_f(&in), n, clip, n & 1);
        kc_close(e->name, kc_f(&out), kc_f(&want), 8 * n, 16, 1e-6f);
        kc_free(&in), kc_free(&out), kc_free(&want);
    }
}

static void bench(void) {
    for (int64_t batch = 1; batch <= 8; batch *= 2) {
        int64_t h = 512, n = 2048;
        kc_buf p = kc_floats(n * h, -1, 1), x = kc_floats(batch * h, -1, 1), y = kc_floats(batch * n, -1, 1);
        KC_EACH(e) {
            if (e->level == CPU_REF) continue;
            double t = KC_BEST(30, e->k->matvec(kc_f(&y), n, kc_f(&y), n, kc_f(&x), h, kc_f(&p), batch, n, h, 0, n));
            printf("recurrent 512x2048 batch %lld %-16s %8.1f us %6.1f GB/s\n", (long long)batch, e->name, t * 1e6,
                   4.0 * (double)(n * h) / t * 1e-9);
            memset(y.data, 0, y.bytes);
        }
        kc_free(&p), kc_free(&x), kc_free(&y);
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matvec), cmocka_unit_test(test_cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
