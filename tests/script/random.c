/* SPDX-License-Identifier: MIT
 *
 * Random tensors have the distributions that they are named after: mean, variance and range of many numbers, seeds that
 * repeat, samples without repetition.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "script/eager.h"

enum { N = 20000 };
static vm machine;
static eager *numbers;
static pool *threads;

static int begin(void **state) {
    naru_error err = NARU_ERROR_INIT;
    if (pool_create(1, 0, &threads, &err) != NARU_OK) return 1;
    if (eager_new(cpu_best(), threads, 1, &numbers, &err) != NARU_OK) return 1;
    return vm_init(&machine, NULL, numbers) != NARU_OK;
}

static int end(void **state) {
    vm_done(&machine);
    eager_free(numbers);
    pool_destroy(threads);
    return 0;
}

/* Arguments are dropped. */
static sten *draw(const char *full, int n, sv *args) {
    char name[100];
    naru_error err = NARU_ERROR_INIT;
    size_t len = strcspn(full, ".");
    memcpy(name, full, len);
    name[len] = 0;
    const sop *op = sop_find(name);
    while (op && strcmp(op->schema->overload, full[len] ? full + len + 1 : "") != 0) op = op->next;
    if (!op) fail_msg("no operator %s", full);
    sv out = sv_none();
    if (vm_op(&machine, op, n, args, op->schema->nreturns, &out, &err) != NARU_OK)
        fail_msg("%s: %s", full, err.message);
    for (int i = 0; i < n; i++) sv_drop(args[i]);
    return sv_tensor(out);
}
#define DRAW(name, ...) draw(name, (int)(sizeof((sv[]){__VA_ARGS__}) / sizeof(sv)), (sv[]){__VA_ARGS__})

static sv size_of(int64_t n) {
    slist *l = slist_new(&stype_int, 1);
    slist_push(l, sv_int(n));
    return sv_of(l);
}

static sv filled(naru_dtype d, int64_t n, double v) {
    sten *t = sten_new(d, 1, &n);
    for (int64_t i = 0; i < n; i++) dtype_set_f64(d, t->t.data, i, v);
    return sv_of(t);
}

/* Mean and variance within six deviations of their estimates; drops t. */
static void looks_like(const char *what, sten *t, double mean, double variance, double least, double most) {
    double sum = 0, square = 0, n = (double)tensor_count(&t->t);
    for (int64_t i = 0; i < tensor_count(&t->t); i++) {
        double v = dtype_get_f64(t->t.dtype, t->t.data, i);
        if (!(v >= least && v <= most)) fail_msg("%s: %g is out of range", what, v);
        sum += v;
        square += (v - mean) * (v - mean);
    }
    if (fabs(sum / n - mean) > 6 * sqrt(variance / n)) fail_msg("%s: mean %g, should be %g", what, sum / n, mean);
    if (fabs(square / n - variance) > 0.15 * variance + 1e-12)
        fail_msg("%s: variance %g, should be %g", what, square / n, variance);
    sobj_release(&t->head);
}

static void distributions(void **state) {
    looks_like("rand", DRAW("aten::rand", size_of(N)), 0.5, 1.0 / 12, 0, 1 - 0x1p-24);
    looks_like("rand half", DRAW("aten::rand", size_of(N), sv_int(5)), 0.5, 1.0 / 12, 0, 0.9999);
    looks_like("randn", DRAW("aten::randn", size_of(N)), 0, 1, -7, 7);
    looks_like("randint", DRAW("aten::randint.low", sv_int(-3), sv_int(6), size_of(N)), 1, 80.0 / 12, -3, 5);
    looks_like("bernoulli", DRAW("aten::bernoulli.p", filled(NARU_FLOAT, N, 0), sv_float(0.3)), 0.3, 0.21, 0, 1);
    looks_like("normal", DRAW("aten::normal_", filled(NARU_DOUBLE, N, 0), sv_float(5), sv_float(2)), 5, 4, -10, 20);
    looks_like("uniform", DRAW("aten::uniform_", filled(NARU_FLOAT, N, 0), sv_float(-2), sv_float(4)), 1, 3, -2, 4);
    looks_like("exponential", DRAW("aten::exponential_", filled(NARU_DOUBLE, N, 0), sv_float(2)), 0.5, 0.25, 0, 20);
    looks_like("geometric", DRAW("aten::geometric_", filled(NARU_FLOAT, N, 0), sv_float(0.25)), 4, 12, 1, 200);
    looks_like("log_normal", DRAW("aten::log_normal_", filled(NARU_DOUBLE, N, 0), sv_float(0), sv_float(0.25)),
               exp(0.03125), (exp(0.0625) - 1) * exp(0.0625), 0, 10);
    looks_like("poisson", DRAW("aten::poisson", filled(NARU_FLOAT, N, 4)), 4, 4, 0, 100);
    looks_like("poisson of many", DRAW("aten::poisson", filled(NARU_FLOAT, N, 500)), 500, 500, 300, 700);
    looks_like("binomial", DRAW("aten::binomial", filled(NARU_FLOAT, N, 200), filled(NARU_FLOAT, N, 0.25)), 50, 37.5, 0,
               200);
    looks_like("gamma", DRAW("aten::_standard_gamma", filled(NARU_DOUBLE, N, 0.5)), 0.5, 0.5, 0, 50);
    looks_like("gamma of more", DRAW("aten::_standard_gamma", filled(NARU_DOUBLE, N, 9)), 9, 9, 0, 100);
    looks_like("random bytes", DRAW("aten::random_", filled(NARU_UINT8, N, 0)), 127.5, 65535.0 / 12, 0, 255);
}

static void draws_by_weight(void **state) {
    static const double share[] = {0.1, 0, 0.6, 0.3};
    sten *w = sten_new(NARU_FLOAT, 1, (int64_t[]){4}), *t;
    int64_t count[4] = {0};
    for (int i = 0; i < 4; i++) ((float *)w->t.data)[i] = (float)(share[i] * 7);
    t = DRAW("aten::multinomial", sv_keep(sv_of(w)), sv_int(N), sv_bool(true));
    for (int64_t i = 0; i < N; i++) count[((int64_t *)t->t.data)[i]]++;
    for (int i = 0; i < 4; i++) assert_float_equal((double)count[i] / N, share[i], 0.02);
    sobj_release(&t->head);
    double first = 0;
    for (int i = 0; i < 2000; i++) { /* three of three: each once, the heavy one mostly in front */
        t = DRAW("aten::multinomial", sv_keep(sv_of(w)), sv_int(3), sv_bool(false));
        const int64_t *v = t->t.data;
        assert_int_equal((1 << v[0]) | (1 << v[1]) | (1 << v[2]), 1 | 4 | 8);
        first += v[0] == 2;
        sobj_release(&t->head);
    }
    assert_float_equal(first / 2000, 0.6, 0.06);
    sobj_release(&w->head);
}

static void permutations_are_complete(void **state) {
    sten *t = DRAW("aten::randperm", sv_int(1000));
    bool seen[1000] = {false};
    int fixed = 0;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t v = ((int64_t *)t->t.data)[i];
        assert_in_range(v, 0, 999);
        assert_false(seen[v]);
        seen[v] = true;
        fixed += v == i;
    }
    assert_in_range(fixed, 0, 10);
    sobj_release(&t->head);
}

static void seeds_repeat(void **state) {
    sten *t[3];
    for (int i = 0; i < 3; i++) {
        sv none = sv_none(), seed = sv_int(i == 2 ? 8 : 7);
        naru_error err = NARU_ERROR_INIT;
        assert_int_equal(vm_op(&machine, sop_find("aten::manual_seed"), 1, &seed, 0, &none, &err), NARU_OK);
        t[i] = DRAW("aten::randn", size_of(50));
    }
    assert_memory_equal(t[0]->t.data, t[1]->t.data, 200);
    assert_memory_not_equal(t[0]->t.data, t[2]->t.data, 200);
    for (int i = 0; i < 3; i++) sobj_release(&t[i]->head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions),
        cmocka_unit_test(draws_by_weight),
        cmocka_unit_test(permutations_are_complete),
        cmocka_unit_test(seeds_repeat),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
