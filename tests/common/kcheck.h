/* SPDX-License-Identifier: MIT
 *
 * What the tests of kernel families share: seeded random numbers, buffers with guard bytes at any misalignment,
 * comparison in epsilons of FP32. The seed is printed; NARU_SEED repeats a run.
 */
#ifndef KCHECK_H
#define KCHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cpu.h"

#define KC_UNUSED __attribute__((unused))
enum { KC_GUARD = 128 };

static uint64_t kc_state;

static uint64_t kc_next(void) {
    uint64_t z = kc_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
KC_UNUSED static void kc_seed(void) {
    const char *s = getenv("NARU_SEED");
    kc_state = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
    printf("seed: NARU_SEED=%llu\n", (unsigned long long)kc_state);
}
KC_UNUSED static int64_t kc_int(int64_t lo, int64_t hi) { return lo + (int64_t)(kc_next() % (uint64_t)(hi - lo + 1)); }
KC_UNUSED static float kc_float(float lo, float hi) { return lo + (hi - lo) * (float)(kc_next() >> 40) * 0x1p-24f; }

/* n elements of `size` bytes, misaligned by a random number of elements, with KC_GUARD bytes of 0xA5 on both sides. */
typedef struct kc_buf {
    unsigned char *base, *data;
    size_t bytes;
} kc_buf;

KC_UNUSED static kc_buf kc_alloc(int64_t n, size_t size) {
    kc_buf b = {.bytes = (size_t)n * size};
    b.base = malloc(b.bytes + 2 * KC_GUARD + 64);
    assert_non_null(b.base);
    memset(b.base, 0xA5, b.bytes + 2 * KC_GUARD + 64);
    b.data = b.base + KC_GUARD + (size_t)kc_int(0, 7) * (size < 8 ? size : 8);
    return b;
}
KC_UNUSED static void kc_free(kc_buf *b) {
    for (int i = 0; i < KC_GUARD; i++) {
        if (b->data[-1 - i] != 0xA5) fail_msg("wrote %d bytes before the buffer", i + 1);
        if (b->data[b->bytes + (size_t)i] != 0xA5) fail_msg("wrote %d bytes past the end", i + 1);
    }
    free(b->base);
}
KC_UNUSED static float *kc_f(const kc_buf *b) { return (float *)(void *)b->data; }

KC_UNUSED static kc_buf kc_floats(int64_t n, float lo, float hi) {
    kc_buf b = kc_alloc(n, 4);
    for (int64_t i = 0; i < n; i++) kc_f(&b)[i] = kc_float(lo, hi);
    return b;
}

/* |got - want| <= eps * 2^-23 * |want| + atol for all; NaN equals NaN, infinities equal themselves. */
KC_UNUSED static void kc_close(const char *what, const float *got, const float *want, int64_t n, float eps,
                               float atol) {
    for (int64_t i = 0; i < n; i++) {
        if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i]))) continue;
        float d = fabsf(got[i] - want[i]);
        if (d <= eps * 0x1p-23f * fabsf(want[i]) + atol && !isinf(want[i])) continue;
        fail_msg("%s: element %lld of %lld is %.9g, should be %.9g", what, (long long)i, (long long)n, (double)got[i],
                 (double)want[i]);
    }
}

/* Whether this machine runs a kernel of that level; says which it leaves out. */
KC_UNUSED static int kc_runs(cpu_level level, const char *symbol) {
    if (level <= cpu_best()) return 1;
    printf("not run natively here: %s\n", symbol);
    return 0;
}

KC_UNUSED static double kc_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Best time of a call over `reps` repetitions, in seconds. */
#define KC_BEST(reps, call)                                                                                            \
    ({                                                                                                                 \
        double best_ = 1e30;                                                                                           \
        for (int rep_ = 0; rep_ < (reps); rep_++) {                                                                    \
            double t_ = kc_seconds();                                                                                  \
            call;                                                                                                      \
            t_ = kc_seconds() - t_;                                                                                    \
            if (t_ < best_) best_ = t_;                                                                                \
        }                                                                                                              \
        best_;                                                                                                         \
    })

/* The family's list as an array of {level, name, k}, and a loop over what runs here. */
#define KC_EACH(e)                                                                                                     \
    for (const entry *e = list; e < list + sizeof list / sizeof *list; e++)                                            \
        if (kc_runs(e->level, e->name))

#endif
