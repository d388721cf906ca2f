/* SPDX-License-Identifier: MIT
 *
 * Pooling kernels of every level against ref.c. Max is exact; a mean of up to 50 taps is within 50 eps of magnitudes.
 */
#include "kcheck.h"
#include "kernels/pool/pool.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_pool *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/pool/pool.def"
#undef PORTABLE
#undef KERNEL
};

static k_pool_args random_args(void) {
    k_pool_args p = {.h = kc_int(1, 20),
                     .w = kc_int(1, 60),
                     .c = kc_int(1, 150),
                     .kh = kc_int(1, 5),
                     .kw = kc_int(1, 5),
                     .sh = kc_int(1, 3),
                     .sw = kc_int(1, 3),
                     .dh = kc_int(1, 2),
                     .dw = kc_int(1, 2),
                     .pt = kc_int(0, 2),
                     .pl = kc_int(0, 2),
                     .pb = kc_int(0, 2),
                     .pr = kc_int(0, 2),
                     .average = kc_int(0, 1),
                     .include_pad = kc_int(0, 1)};
    int64_t rh = p.h + p.pt + p.pb - (p.kh - 1) * p.dh - 1, rw = p.w + p.pl + p.pr - (p.kw - 1) * p.dw - 1;
    int64_t up = kc_int(0, 1); /* ceil mode */
    p.oh = rh < 0 ? 0 : (rh + up * (p.sh - 1)) / p.sh + 1;
    p.ow = rw < 0 ? 0 : (rw + up * (p.sw - 1)) / p.sw + 1;
    if (p.oh == 0 || p.ow == 0) return random_args();
    return p;
}

static void special(float *x, int64_t n) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, -3e38f};
    if (kc_int(0, 3) == 0) x[kc_int(0, n - 1)] = odd[kc_int(0, 3)];
}

static void nchw_case(const entry *e) {
    k_pool_args p = random_args();
    int64_t planes = kc_int(1, 3), in = planes * p.h * p.w, out = planes * p.oh * p.ow;
    kc_buf x = kc_floats(in, -3, 3), y = kc_alloc(out, 4), want = kc_alloc(out, 4),
           ws = kc_alloc(k_pool_workspace(&p), 1);
    special(kc_f(&x), in);
    ws.data -= (uintptr_t)ws.data & 3;
    k_pool_ref.nchw(&p, kc_f(&want), kc_f(&x), 0, planes, NULL);
    e->k->nchw(&p, kc_f(&y), kc_f(&x), 0, planes, ws.data);
    kc_close(e->name, kc_f(&y), kc_f(&want), out, p.average ? 50 : 0, p.average ? 3e-6f : 0);
    kc_free(&x), kc_free(&y), kc_free(&want);
    free(ws.base);
}

static void nhwc_case(const entry *e) {
    k_pool_args p = random_args();
    p.ldx = p.c + kc_int(0, 1) * kc_int(0, 20), p.ldy = p.c + kc_int(0, 1) * kc_int(0, 20);
    int64_t n = kc_int(1, 2), in = n * p.h * p.w * p.ldx, out = n * p.oh * p.ow * p.ldy, begin = kc_int(0, n * p.oh);
    kc_buf x = kc_floats(in, -3, 3), y = kc_alloc(out, 4), want = kc_alloc(out, 4);
    special(kc_f(&x), in);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes);
    k_pool_ref.nhwc(&p, kc_f(&want), kc_f(&x), begin, n * p.oh);
    e->k->nhwc(&p, kc_f(&y), kc_f(&x), begin, n * p.oh);
    kc_close(e->name, kc_f(&y), kc_f(&want), out, p.average ? 50 : 0, p.average ? 3e-6f : 0);
    kc_free(&x), kc_free(&y), kc_free(&want);
}

static void test_nchw(void **state) { KC_EACH(e) for (int i = 0; i < 300; i++) nchw_case(e); }
static void test_nhwc(void **state) { KC_EACH(e) for (int i = 0; i < 150; i++) nhwc_case(e); }

static void bench(void) {
    k_pool_args p = {.h = 112,
                     .w = 112,
                     .c = 64,
                     .oh = 56,
                     .ow = 56,
                     .kh = 3,
                     .kw = 3,
                     .sh = 2,
                     .sw = 2,
                     .dh = 1,
                     .dw = 1,
                     .pt = 1,
                     .pl = 1,
                     .pb = 1,
                     .pr = 1};
    p.ldx = p.ldy = p.c;
    int64_t in = p.h * p.w * p.c, out = p.oh * p.ow * p.c;
    kc_buf x = kc_floats(in, -3, 3), y = kc_alloc(out, 4), ws = kc_alloc(k_pool_workspace(&p) / 4, 4);
    for (int avg = 0; avg < 2; avg++) {
        p.average = avg;
        KC_EACH(e) {
            double t = KC_BEST(20, e->k->nchw(&p, kc_f(&y), kc_f(&x), 0, p.c, ws.data));
            double u = KC_BEST(20, e->k->nhwc(&p, kc_f(&y), kc_f(&x), 0, p.oh));
            printf("pool 3x3/2 avg=%d 112x112x64 %-16s nchw %8.1f us, nhwc %8.1f us\n", avg, e->name, t * 1e6, u * 1e6);
        }
    }
    kc_free(&x), kc_free(&y), kc_free(&ws);
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nchw), cmocka_unit_test(test_nhwc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
