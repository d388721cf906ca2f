/* SPDX-License-Identifier: MIT
 *
 * Copy plans with every level's transposes against an element-by-element copy: exact.
 */
#include "kcheck.h"
#include "kernels/copy/copy.h"

typedef struct entry {
    cpu_level level;
    const char *name;
    const k_copy *k;
} entry;
static const entry list[] = {
#define KERNEL(level, symbol) {level, #symbol, &symbol},
#define PORTABLE(symbol)      KERNEL(CPU_REF, symbol)
#include "kernels/copy/copy.def"
#undef PORTABLE
#undef KERNEL
};

/* A transpose of rank 1..5 with a slice (step, sign) or broadcast of some source dims and a gap in the destination. */
static void copy_case(const entry *e) {
    static const int sizes[] = {1, 2, 4, 8, 16};
    int rank = (int)kc_int(1, 5), size = sizes[kc_int(0, 4)], perm[5];
    int64_t dim[5], ds[5], ss[5], sdim[5], total = 1, step = 1, gap = kc_int(0, 2), start = 0;
    for (int i = 0; i < rank; i++)
        dim[i] = kc_int(0, 30) ? kc_int(1, rank > 3 ? 7 : 40) : 0, perm[i] = i, total *= dim[i];
    for (int i = 0; i < rank; i++) {
        int j = (int)kc_int(0, rank - 1), t = perm[i];
        perm[i] = perm[j], perm[j] = t;
    }
    for (int i = rank - 1; i >= 0; i--) ds[i] = step, step *= dim[i] + (i == rank - 1 ? gap : 0);
    int64_t dn = step;
    step = 1;
    for (int i = rank - 1; i >= 0; i--) { /* source dim of output dim perm[i] */
        int64_t slice = kc_int(0, 3) ? 1 : kc_int(-2, 2);
        sdim[i] = dim[perm[i]] * (slice < 0 ? -slice : slice ? slice : 1);
        ss[perm[i]] = slice * step;
        if (slice < 0) start -= ss[perm[i]] * (dim[perm[i]] - 1);
        step *= sdim[i];
    }
    kc_buf s = kc_alloc(step, (size_t)size), d = kc_alloc(dn, (size_t)size), want = kc_alloc(dn, (size_t)size);
    for (size_t i = 0; i < s.bytes; i++) s.data[i] = (unsigned char)kc_next();
    memset(d.data, 0, d.bytes), memset(want.data, 0, want.bytes);
    for (int64_t i = 0; i < total; i++) {
        int64_t a = 0, b = start, rest = i;
        for (int k = rank - 1; k >= 0; k--) a += rest % dim[k] * ds[k], b += rest % dim[k] * ss[k], rest /= dim[k];
        memcpy(want.data + a * size, s.data + b * size, (size_t)size);
    }
    k_copy_plan plan;
    k_copy_prepare(&plan, rank, dim, ds, ss, size);
    if (total == 0) assert_int_equal(plan.units, 0);
    int64_t cut = kc_int(0, plan.units);
    k_copy_run(e->k, &plan, d.data, s.data + (total ? start * size : 0), 0, cut);
    k_copy_run(e->k, &plan, d.data, s.data + (total ? start * size : 0), cut, plan.units);
    assert_memory_equal(d.data, want.data, d.bytes);
    kc_free(&s), kc_free(&d), kc_free(&want);
}

static void test_copy(void **state) { KC_EACH(e) for (int i = 0; i < 3000; i++) copy_case(e); }

static void bench(void) {
    int64_t dim[3] = {1, 3136, 64}, ds[3] = {200704, 64, 1}, ss[3] = {200704, 1, 3136};
    for (int size = 1; size <= 8; size *= 2) {
        kc_buf s = kc_alloc(200704, (size_t)size), d = kc_alloc(200704, (size_t)size);
        KC_EACH(e) {
            k_copy_plan p;
            k_copy_prepare(&p, 3, dim, ds, ss, size);
            double t = KC_BEST(50, k_copy_run(e->k, &p, d.data, s.data, 0, p.units));
            printf("transpose 64x3136 of %d bytes %-18s %7.1f us %6.2f GB/s\n", size, e->name, t * 1e6,
                   (double)s.bytes / t * 1e-9);
        }
        kc_free(&s), kc_free(&d);
    }
}

int main(int argc, char **argv) {
    kc_seed();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
