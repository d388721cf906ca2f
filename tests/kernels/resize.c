/* SPDX-License-Identifier: MIT
 *
 * Resampling kernels of every level against ref.c: up to 4 x 4 taps, so within 20 eps of values of order 1.
 */
#include "kcheck.h"
#include "kernels/resize/resize.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_resize *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/resize/resize.def"
#undef PORTABLE
#undef KERNEL
};

/* `taps` neighbouring source positions around a growing place, clamped; weights random. */
static void tables(int32_t *index, float *weight, int64_t out, int64_t in, int64_t taps) {
    for (int64_t o = 0; o < out; o++)
        for (int64_t t = 0; t < taps; t++) {
            int64_t at = o * in / out + t - taps / 2;
            index[o * taps + t] = (int32_t)(at < 0 ? 0 : at >= in ? in - 1 : at);
            weight[o * taps + t] = kc_float(-0.2f, 0.8f);
        }
}

static void resize_case(const entry *e) {
    k_resize_args p = {.h = kc_int(1, 12),
                       .w = kc_int(1, 40),
                       .c = kc_int(0, 1) ? 1 : kc_int(1, 70),
                       .oh = kc_int(1, 20),
                       .ow = kc_int(1, 60),
                       .tx = kc_int(1, 4),
                       .ty = kc_int(1, 4)};
    int64_t images = kc_int(1, 2), out = images * p.oh * p.ow * p.c, begin = kc_int(0, images * p.oh);
    kc_buf x = kc_floats(images * p.h * p.w * p.c, -1, 1), y = kc_alloc(out, 4), want = kc_alloc(out, 4);
    kc_buf ix = kc_alloc(p.ow * p.tx, 4), iy = kc_alloc(p.oh * p.ty, 4), wx = kc_alloc(p.ow * p.tx, 4),
           wy = kc_alloc(p.oh * p.ty, 4);
    kc_buf ws = kc_alloc(k_resize_workspace(&p) / 8 + 1, 8);
    tables((int32_t *)(void *)ix.data, kc_f(&wx), p.ow, p.w, p.tx),
        tables((int32_t *)(void *)iy.data, kc_f(&wy), p.oh, p.h, p.ty);
    p.ix = (const int32_t *)(const void *)ix.data, p.iy = (const int32_t *)(const void *)iy.data, p.wx = kc_f(&wx),
    p.wy = kc_f(&wy);
    memset(y.data, 0, y.bytes), memset(want.data, 0, want.bytes);
    k_resize_ref.taps(&p, kc_f(&want), kc_f(&x), begin, images * p.oh, NULL);
    e->k->taps(&p, kc_f(&y), kc_f(&x), begin, images * p.oh, ws.data);
    kc_close(e->name, kc_f(&y), kc_f(&want), out, 20, 2e-6f);
    if (p.tx == 1 && p.ty == 1) {
        k_resize_nearest(&p, y.data, x.data, 0, images * p.oh, 4);
        for (int64_t i = 0; i < out; i++) {
            int64_t c = i % p.c, ox = i / p.c % p.ow, r = i / p.c / p.ow;
            assert_true(kc_f(&y)[i] == kc_f(&x)[((r / p.oh * p.h + p.iy[r % p.oh]) * p.w + p.ix[ox]) * p.c + c]);
        }
    }
    kc_free(&x), kc_free(&y), kc_free(&want), kc_free(&ix), kc_free(&iy), kc_free(&wx), kc_free(&wy), kc_free(&ws);
}

static void test_resize(void **state) { KC_EACH(e) for (int i = 0; i < 200; i++) resize_case(e); }

int main(void) {
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resize)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
