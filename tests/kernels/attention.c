/* SPDX-License-Identifier: MIT
 *
 * Attention kernels of every level against ref.c (sums in double). Scores are sums of d products of order 1, so their
 * FP32 rounding moves the weights by about 1e-6; outputs are of order 1.
 */
#include "kcheck.h"
#include "kernels/attention/attention.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_attention *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/attention/attention.def"
#undef PORTABLE
#undef KERNEL
};

static void one_case(const entry *e, int64_t sq, int64_t sk, int64_t d, int64_t dv, unsigned flags) {
    int64_t ldq = d + kc_int(0, 3), ldk = (flags & 1 ? sk : d) + kc_int(0, 3), ldv = dv + kc_int(0, 3),
            ldo = dv + kc_int(0, 3);
    kc_buf q = kc_floats(sq * ldq, -1, 1), k = kc_floats((flags & 1 ? d : sk) * ldk, -1, 1),
           v = kc_floats(sk * ldv, -1, 1);
    kc_buf mask = kc_floats(sq * sk, -2, 2), o = kc_alloc(sq * ldo, 4), want = kc_alloc(sq * ldo, 4);
    for (int64_t i = 0; i < sq * sk; i++)
        if (kc_int(0, 3) == 0) kc_f(&mask)[i] = -INFINITY;
    k_attention_args a = {.o = kc_f(&want),
                          .q = kc_f(&q),
                          .k = kc_f(&k),
                          .v = kc_f(&v),
                          .sq = sq,
                          .sk = sk,
                          .d = d,
                          .dv = dv,
                          .ldq = ldq,
                          .ldk = ldk,
                          .ldv = ldv,
                          .ldo = ldo,
                          .scale = kc_float(0.05f, 0.5f),
                          .mask = flags & 2 ? kc_f(&mask) : NULL,
                          .ldm = flags & 4 ? 0 : sk,
                          .offset = kc_int(-3, 3) + (kc_int(0, 1) ? sk - sq : 0),
                          .k_transposed = flags & 1,
                          .causal = flags & 8,
                          .empty_is_nan = flags & 16};
    kc_buf ws = kc_alloc(k_attention_workspace(&a), 1);
    memset(o.data, 0, o.bytes), memset(want.data, 0, want.bytes);
    int64_t begin = kc_int(0, 2) ? 0 : kc_int(0, sq);
    k_attention_ref.run(&a, begin, sq, NULL);
    a.o = kc_f(&o);
    e->k->run(&a, begin, sq, ws.data);
    kc_close(e->name, kc_f(&o), kc_f(&want), sq * ldo, 16, 4e-6f);
    kc_free(&q), kc_free(&k), kc_free(&v), kc_free(&mask), kc_free(&o), kc_free(&want), kc_free(&ws);
}

static void test_attention(void **state) {
    KC_EACH(e) {
        for (unsigned f = 0; f < 32; f++) {
            one_case(e, kc_int(1, 6), kc_int(1, 150), kc_int(1, 70), kc_int(1, 70), f);
            one_case(e, kc_int(1, 150), kc_int(1, 150), kc_int(1, 70), kc_int(1, 70), f);
        }
        one_case(e, 1, 2048, 64, 64, 0), one_case(e, 197, 197, 64, 64, 0), one_case(e, 65, 300, 128, 128, 8);
        one_case(e, 3, 0, 4, 4, 0), one_case(e, 30, 0, 4, 4, 16);
    }
}

static void bench(void) {
    static const int64_t shape[][3] = {{128, 128, 64}, {197, 197, 64}, {1024, 1024, 64}, {1, 512, 64}, {128, 128, 32}};
    for (size_t s = 0; s < 5; s++) {
        int64_t sq = shape[s][0], sk = shape[s][1], d = shape[s][2];
        kc_buf q = kc_floats(sq * d, -1, 1), k = kc_floats(sk * d, -1, 1), v = kc_floats(sk * d, -1, 1),
               o = kc_alloc(sq * d, 4);
        k_attention_args a = {.o = kc_f(&o),
                              .q = kc_f(&q),
                              .k = kc_f(&k),
                              .v = kc_f(&v),
                              .sq = sq,
                              .sk = sk,
                              .d = d,
                              .dv = d,
                              .ldq = d,
                              .ldk = d,
                              .ldv = d,
                              .ldo = d,
                              .scale = 0.125f};
        kc_buf ws = kc_alloc(k_attention_workspace(&a), 1);
        KC_EACH(e) {
            if (e->level == CPU_REF) continue;
            double t = KC_BEST(20, e->k->run(&a, 0, sq, ws.data));
            printf("attention %lldx%lld d=%lld %-20s %8.1f us %6.1f GFLOP/s\n", (long long)sq, (long long)sk,
                   (long long)d, e->name, t * 1e6, 4.0 * (double)(sq * sk * d) / t * 1e-9);
        }
        kc_free(&q), kc_free(&k), kc_free(&v), kc_free(&o), kc_free(&ws);
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
