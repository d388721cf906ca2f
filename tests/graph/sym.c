/* SPDX-License-Identifier: MIT
 *
 * Symbolic dimensions: equal expressions are equal numbers, whatever way they were made; what cannot be said is
 * unknown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/sym.h"

static arena *a;
static symtab *s;
static dim_t n, h, w;

static int setup(void **state) {
    a = arena_new();
    s = symtab_new(a);
    n = sym_name(s, "n"), h = sym_name(s, "h"), w = sym_name(s, "w");
    return !s;
}
static int teardown(void **state) {
    arena_free(a);
    return 0;
}

static void check_text(dim_t d, const char *want) {
    str t = {0};
    sym_print(s, d, &t);
    assert_string_equal(str_text(&t), want);
    str_free(&t);
}

static void test_names(void **state) {
    assert_true(n < 0 && n != DIM_UNKNOWN && n != h);
    assert_int_equal(sym_name(s, "n"), n);
    assert_string_equal(sym_plain_name(s, n), "n");
    assert_null(sym_plain_name(s, sym_add(s, n, 1)));
    assert_null(sym_plain_name(s, 3));
    assert_null(sym_plain_name(s, DIM_UNKNOWN));
}

static void test_ring(void **state) {
    dim_t sum = sym_add(s, h, w);
    assert_int_equal(sum, sym_add(s, w, h));
    assert_int_equal(sym_sub(s, sum, w), h);
    assert_int_equal(sym_sub(s, sum, sum), 0);
    assert_int_equal(sym_mul(s, sum, sum),
                     sym_add(s, sym_add(s, sym_mul(s, h, h), sym_mul(s, w, w)), sym_mul(s, 2, sym_mul(s, h, w))));
    assert_int_equal(sym_mul(s, n, 0), 0);
    assert_int_equal(sym_mul(s, n, 1), n);
    assert_int_equal(sym_add(s, sym_sub(s, n, 5), 5), n);
    assert_int_equal(sym_mul(s, sym_mul(s, n, h), w), sym_mul(s, n, sym_mul(s, h, w)));
}

static void test_quotients(void **state) {
    assert_int_equal(sym_div(s, 7, 2), 3);
    assert_int_equal(sym_div(s, n, 1), n);
    assert_int_equal(sym_div(s, n, n), 1);
    assert_int_equal(sym_div(s, sym_mul(s, n, 6), 3), sym_mul(s, n, 2));
    assert_int_equal(sym_div(s, sym_mul(s, n, h), h), n);
    assert_int_equal(sym_div(s, n, 2), sym_div(s, n, 2));
    assert_true(sym_div(s, n, 2) != sym_div(s, n, 3));
    assert_int_equal(sym_div(s, n, 0), DIM_UNKNOWN);
    check_text(sym_div(s, sym_add(s, h, 1), 2), "floor((h+1)/2)");
}

static void test_unknown(void **state) {
    assert_int_equal(sym_add(s, n, DIM_UNKNOWN), DIM_UNKNOWN);
    assert_int_equal(sym_mul(s, DIM_UNKNOWN, 2), DIM_UNKNOWN);
    assert_int_equal(sym_sub(s, DIM_UNKNOWN, DIM_UNKNOWN), DIM_UNKNOWN);
    assert_int_equal(sym_div(s, DIM_UNKNOWN, 2), DIM_UNKNOWN);
    assert_int_equal(sym_sub(s, 3, 5), DIM_UNKNOWN); /* no dimension is negative */
    assert_int_equal(sym_add(s, INT64_MAX, 1), DIM_UNKNOWN);
    assert_int_equal(sym_mul(s, INT64_MAX, 2), DIM_UNKNOWN);
    assert_int_equal(sym_max(s, n, h), DIM_UNKNOWN);
    assert_int_equal(sym_max(s, n, n), n);
    dim_t p = n;
    for (int i = 0; i < 20; i++) p = sym_mul(s, p, n); /* beyond what an expression may hold */
    assert_int_equal(p, DIM_UNKNOWN);
}

static void test_text(void **state) {
    check_text(3, "3");
    check_text(DIM_UNKNOWN, "?");
    check_text(sym_add(s, sym_mul(s, 2, h), 1), "2*h+1");
    check_text(sym_sub(s, h, 3), "h-3");
    check_text(sym_mul(s, n, h), "n*h");
}

static void test_typical(void **state) {
    dim_t y = sym_div(s, sym_add(s, sym_mul(s, h, 3), 1), 2);
    assert_int_equal(sym_typical(s, y), DIM_UNKNOWN);
    sym_set_typical(s, h, 7);
    assert_int_equal(sym_typical(s, y), 11);
    assert_int_equal(sym_typical(s, sym_mul(s, h, h)), 49);
    assert_int_equal(sym_typical(s, sym_sub(s, h, 8)), DIM_UNKNOWN); /* no dimension is negative */
    assert_int_equal(sym_typical(s, sym_add(s, h, w)), DIM_UNKNOWN); /* w has no example */
    assert_int_equal(sym_typical(s, sym_mul(s, h, INT64_MAX / 2)), DIM_UNKNOWN);
    assert_int_equal(sym_typical(s, 5), 5);
    assert_int_equal(sym_typical(s, DIM_UNKNOWN), DIM_UNKNOWN);
    assert_int_not_equal(h, 7); /* an example is no fact */
}

static void test_many(void **state) { /* interning survives growth */
    dim_t first = sym_add(s, n, 1);
    for (int64_t i = 2; i < 3000; i++) assert_int_equal(sym_sub(s, sym_add(s, n, i), i), n);
    assert_int_equal(sym_add(s, n, 1), first);
}

static int64_t one(const char *name) { return 1; }

static void test_never_negative(void **state) {
    assert_true(sym_never_negative(s, 3, NULL));
    assert_true(sym_never_negative(s, sym_add(s, sym_mul(s, n, h), 2), NULL));
    assert_true(sym_never_negative(s, sym_div(s, n, 2), NULL));
    assert_false(sym_never_negative(s, sym_sub(s, 0, n), NULL));
    assert_false(sym_never_negative(s, sym_sub(s, n, h), one));
    assert_false(sym_never_negative(s, sym_sub(s, n, 1), NULL)); /* n may be 0, unless it is said */
    assert_true(sym_never_negative(s, sym_sub(s, n, 1), one));
    assert_false(sym_never_negative(s, sym_sub(s, n, 2), one));
    assert_false(sym_never_negative(s, sym_div(s, sym_sub(s, n, 5), 2), one));
    assert_false(sym_never_negative(s, DIM_UNKNOWN, one));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),     cmocka_unit_test(test_ring),
                                       cmocka_unit_test(test_quotients), cmocka_unit_test(test_unknown),
                                       cmocka_unit_test(test_text),      cmocka_unit_test(test_typical),
                                       cmocka_unit_test(test_many),      cmocka_unit_test(test_never_negative)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
