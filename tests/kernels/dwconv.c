/* SPDX-License-Identifier: MIT
 *
 * Depthwise convolution of every level against ref.c (sums in double): sums of up to 30 products of magnitude 1.
 */
#include "kcheck.h"
#include "kernels/dwconv/dwconv.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_dwconv *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/dwconv/dwconv.def"
#undef PORTABLE
#undef KERNEL
};

static k_dw_args random_geometry(void) {
    k_dw_args a = {.c = kc_int(1, 50), .kh = kc_int(1, 5), .kw = kc_int(1, 6), .sh = kc_int(1, 3), .sw = kc_int(1, 3)};
    a.dh = kc_int(0, 2) ? 1 : kc_int(1, 3), a.dw = kc_int(0, 2) ? 1 : kc_int(1, 3);
    a.pt = kc_int(-1, 4), a.pl = kc_int(-1, 4);
    a.h = (a.kh - 1) * a.dh + 1 + kc_int(1, 6), a.wd = (a.kw - 1) * a.dw + 1 + kc_int(1, 30);
    a.oh = (a.h + a.pt + kc_int(0, 4) - (a.kh - 1) * a.dh - 1) / a.sh + 1;
    a.ow = (a.wd + a.pl + kc_int(0, 4) - (a.kw - 1) * a.dw - 1) / a.sw + 1;
    a.ldx = a.c + kc_int(0, 1) * kc_int(0, 20), a.ldy = a.c + kc_int(0, 1) * kc_int(0, 20);
    a.ldr = a.c + kc_int(0, 1) * kc_int(0, 20);
    return a;
}

static void random_case(const entry *e) {
    k_dw_args a = random_geometry();
    int64_t n = kc_int(1, 2), pixels = n * a.oh * a.ow, outs = pixels * a.ldy;
    kc_buf x = kc_floats(n * a.h * a.wd * a.ldx, -1, 1), w = kc_floats(a.kh * a.kw * a.c, -1, 1);
    kc_buf bias = kc_floats(a.c, -1, 1), res = kc_floats(pixels * a.ldr, -1, 1), y = kc_alloc(outs, 4),
           want = kc_alloc(outs, 4);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes); /* between the pixels it stays so */
    a.x = kc_f(&x), a.w = kc_f(&w), a.bias = kc_int(0, 1) ? kc_f(&bias) : NULL,
    a.residual = kc_int(0, 1) ? kc_f(&res) : NULL;
    a.clip = kc_int(0, 1), a.lo = 0, a.hi = kc_int(0, 1) ? 1 : INFINITY;
    a.y = kc_f(&want);
    k_dwconv_ref.run(&a, 0, n * a.oh);
    a.y = kc_f(&y);
    int64_t mid = kc_int(0, n * a.oh);
    e->k->run(&a, 0, mid);
    e->k->run(&a, mid, n * a.oh);
    kc_close(e->name, kc_f(&y), kc_f(&want), outs, 8, 4e-6f);
    kc_free(&x), kc_free(&w), kc_free(&bias), kc_free(&res), kc_free(&y), kc_free(&want);
}

static void test_random(void **state) { KC_EACH(e) for (int i = 0; i < 300; i++) random_case(e); }

static void bench(void) {
    static const int64_t shapes[][4] = {{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 192, 3, 1},
                                        {14, 576, 3, 1}, {7, 960, 3, 1},  {28, 240, 5, 1}};
    KC_EACH(e) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            int64_t h = shapes[i][0], c = shapes[i][1], k = shapes[i][2], s = shapes[i][3], o = (h - 1) / s + 1;
            k_dw_args a = {.c = c,
                           .h = h,
                           .wd = h,
                           .oh = o,
                           .ow = o,
                           .ldx = c,
                           .ldy = c,
                           .kh = k,
                           .kw = k,
                           .sh = s,
                           .sw = s,
                           .dh = 1,
                           .dw = 1,
                           .pt = k / 2,
                           .pl = k / 2,
                           .clip = true,
                           .hi = 6};
            kc_buf x = kc_floats(h * h * c, -1, 1), w = kc_floats(k * k * c, -1, 1), y = kc_alloc(o * o * c, 4);
            a.x = kc_f(&x), a.w = kc_f(&w), a.y = kc_f(&y);
            double t = KC_BEST(20, e->k->run(&a, 0, o)), f = 2.0 * (double)(o * o * c * k * k);
            printf("%-20s %lldx%lld c %lld k %lld s %lld %8.1f us %7.1f GFLOP/s\n", e->name, (long long)h, (long long)h,
                   (long long)c, (long long)k, (long long)s, t * 1e6, f / t * 1e-9);
            kc_free(&x), kc_free(&w), kc_free(&y);
        }
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
