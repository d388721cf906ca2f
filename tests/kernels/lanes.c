/* SPDX-License-Identifier: MIT
 *
 * Every word of the vector vocabulary at every level against scalar C: exact, on random and special values.
 */
#include "kcheck.h"
#include "kernels/lanes/lanes_test.h"
#include "tensor/dtype.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_lanes *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/lanes/lanes.def"
#undef PORTABLE
#undef KERNEL
};
static const char *const names[] = {
#define LANES_WORD(name) #name,
#include "kernels/lanes/words.def"
#undef LANES_WORD
};

typedef union cell {
    float f;
    int32_t i;
    uint32_t u;
    int16_t h[2];
} cell;

static int32_t sum_of_pairs(cell a, cell b) {
    return (int32_t)((uint32_t)(a.h[0] * b.h[0]) + (uint32_t)(a.h[1] * b.h[1]));
}

/* Lane i of the word's result; `old` is what y held. */
static cell want(k_lanes_op op, const cell *a, const cell *b, const cell *c, int i, int w, int64_t n, cell old) {
    cell y = {0};
    switch (op) {
    case K_LANES_load_n: y.f = i < n ? a[i].f : 0; break;
    case K_LANES_i_store_n:
    case K_LANES_store_n: y = i < n ? a[i] : old; break;
    case K_LANES_i_set1:
    case K_LANES_set1: y = a[0]; break;
    case K_LANES_add: y.f = a[i].f + b[i].f; break;
    case K_LANES_sub: y.f = a[i].f - b[i].f; break;
    case K_LANES_mul: y.f = a[i].f * b[i].f; break;
    case K_LANES_div: y.f = a[i].f / b[i].f; break;
    case K_LANES_fma: y.f = fmaf(a[i].f, b[i].f, c[i].f); break;
    case K_LANES_fnma: y.f = fmaf(-a[i].f, b[i].f, c[i].f); break;
    case K_LANES_min: y.f = a[i].f < b[i].f ? a[i].f : b[i].f; break;
    case K_LANES_max: y.f = a[i].f > b[i].f ? a[i].f : b[i].f; break;
    case K_LANES_abs: y.f = fabsf(a[i].f); break;
    case K_LANES_sqrt: y.f = sqrtf(a[i].f); break;
    case K_LANES_copysign: y.f = copysignf(a[i].f, b[i].f); break;
    case K_LANES_round: y.f = rintf(a[i].f); break;
    case K_LANES_floor: y.f = floorf(a[i].f); break;
    case K_LANES_ceil: y.f = ceilf(a[i].f); break;
    case K_LANES_trunc: y.f = truncf(a[i].f); break;
    case K_LANES_lt: y.f = a[i].f < b[i].f; break;
    case K_LANES_le: y.f = a[i].f <= b[i].f; break;
    case K_LANES_eq: y.f = a[i].f == b[i].f; break;
    case K_LANES_first: y.f = i < n; break;
    case K_LANES_even: y = i < w / 2 ? a[2 * i] : b[2 * i - w]; break;
    case K_LANES_i_add: y.u = a[i].u + b[i].u; break;
    case K_LANES_i_sub: y.u = a[i].u - b[i].u; break;
    case K_LANES_i_and: y.u = a[i].u & b[i].u; break;
    case K_LANES_i_xor: y.u = a[i].u ^ b[i].u; break;
    case K_LANES_i_shl: y.u = a[i].u << 5; break;
    case K_LANES_i_sar: y.i = a[i].i >> 5; break;
    case K_LANES_i_mul: y.u = a[i].u * b[i].u; break;
    case K_LANES_madd16: y.i = sum_of_pairs(a[i], b[i]); break;
    case K_LANES_to_i: y.i = a[i].f >= -0x1p31f && a[i].f < 0x1p31f ? (int32_t)rintf(a[i].f) : INT32_MIN; break;
    case K_LANES_to_f: y.f = (float)a[i].i; break;
    case K_LANES_load_f16_n: y.f = i < n ? half_to_float(((const uint16_t *)a)[i]) : 0; break;
    default: y = old; break;
    }
    return y;
}

static void compare(const entry *e, k_lanes_op op, const cell *y, const cell *w, int n) {
    for (int i = 0; i < n; i++)
        if (y[i].u != w[i].u && !(isnan(y[i].f) && isnan(w[i].f)))
            fail_msg("%s %s: lane %d is %08x, should be %08x", e->name, names[op], i, y[i].u, w[i].u);
}

/* Words whose result is not a vector of 32-bit lanes. */
static bool special(const entry *e, k_lanes_op op, const cell *a, int w, int64_t n, void *y) {
    if (op == K_LANES_hsum || op == K_LANES_hmax) {
        double sum = 0, size = 0, max = -INFINITY;
        for (int i = 0; i < w; i++)
            sum += (double)a[i].f, size += fabs((double)a[i].f), max = fmax(max, (double)a[i].f);
        double tol = op == K_LANES_hsum ? 1e-6 * size : 0, exact = op == K_LANES_hsum ? sum : max;
        if (!(size < 1e38)) return true; /* NaN, or partial sums may overflow */
        e->k->fn[op](y, a, a, a, n);
        if (fabs((double)*(float *)y - exact) > tol) fail_msg("%s %s", e->name, names[op]);
        return true;
    }
    if (op != K_LANES_store_f16_n) return false;
    uint16_t h[16];
    memset(h, 0xA5, sizeof h);
    e->k->fn[op](h, a, a, a, n);
    for (int i = 0; i < 16; i++) {
        uint16_t exact = i < n ? half_from_float(a[i].f) : 0xA5A5;
        if (h[i] != exact && !(i < n && isnan(a[i].f) && isnan(half_to_float(h[i]))))
            fail_msg("%s store_f16_n: lane %d", e->name, i);
    }
    return true;
}

static void fill(cell *x) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 0.5f, 1.5f, -2.5f, 3e38f, 1e-40f, 65520.0f};
    bool bits = kc_int(0, 1);
    for (int i = 0; i < 16; i++) {
        if (bits) x[i].u = (uint32_t)kc_next();
        else x[i].f = kc_int(0, 4) ? kc_float(-100, 100) : odd[kc_int(0, 10)];
    }
}

static void test_words(void **state) {
    KC_EACH(e) for (int op = 0; op < K_LANES_OPS; op++) for (int round = 0; round < 200; round++) {
        cell a[16], b[16], c[16], y[16], exact[16];
        int w = e->k->width;
        int64_t n = round % (w + 1);
        fill(a), fill(b), fill(c);
        if (op == K_LANES_madd16)
            for (int i = 0; i < 16; i++)
                if (a[i].u == 0x80008000u) a[i].u = 0;
        if (special(e, (k_lanes_op)op, a, w, n, y)) continue;
        for (int i = 0; i < 16; i++) y[i].u = 0xA5A5A5A5u;
        for (int i = 0; i < 16; i++) exact[i] = i < w ? want((k_lanes_op)op, a, b, c, i, w, n, y[i]) : y[i];
        e->k->fn[op](y, a, b, c, n);
        compare(e, (k_lanes_op)op, y, exact, 16);
    }
}

int main(void) {
    kc_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
