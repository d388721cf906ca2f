/* SPDX-License-Identifier: MIT
 *
 * Values of scripts: chains of any length are freed and shared without recursion, dicts keep order through removal and
 * growth, equality and hashing agree, text is PyTorch's.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "script/unit.h"
#include "tensor/dtype.h"

static void assert_text(sv v, const char *want) {
    str s = {0};
    sv_print(v, &s);
    assert_string_equal(str_text(&s), want);
    str_free(&s);
    sv_drop(v);
}

static sv list_of(const stype *elem, int n, const sv *items) {
    slist *l = slist_new(elem, 0);
    for (int i = 0; i < n; i++) assert_true(slist_push(l, items[i]));
    return sv_of(l);
}
#define LIST(elem, ...) list_of(&elem, (int)(sizeof((sv[]){__VA_ARGS__}) / sizeof(sv)), (sv[]){__VA_ARGS__})

static void numbers_print_as_pytorch_does(void **state) {
    assert_text(sv_float(1), "1.");
    assert_text(sv_float(3.7), "3.7000000000000002");
    assert_text(sv_float(1e22), "1e+22");
    assert_text(sv_float(1e16), "10000000000000000.");
    assert_text(sv_float(9.2e18), "9200000000000000000.");
    assert_text(sv_float(0x1p63), "9.2233720368547758e+18");
    assert_text(sv_float(-0.0), "0.");
    assert_text(sv_float(1e-5), "1.0000000000000001e-05");
    assert_text(sv_float(-INFINITY), "-inf");
    assert_text(sv_float(NAN), "nan");
    assert_text(sv_complex(1.5, -2), "1.5-2.j");
    assert_text(sv_complex(0, 1e16), "0.+10000000000000000.j");
    assert_text(sv_bool(true), "True");
    assert_text(sv_none(), "None");
    assert_text(sv_int(INT64_MIN), "-9223372036854775808");
}

static void containers_print_without_quotes(void **state) {
    assert_text(LIST(stype_str, sv_strz("a"), sv_strz("b\n")), "[a, b\n]");
    assert_text(LIST(stype_any, LIST(stype_float, sv_float(1.5)), sv_none()), "[[1.5], None]");
    sdict *d = sdict_new(&stype_str, &stype_float);
    assert_true(sdict_put(d, sv_strz("a"), sv_float(2)) && sdict_put(d, sv_strz("b"), sv_float(0.5)));
    assert_text(sv_of(d), "{a: 2., b: 0.5}");
    stuple *t = stuple_new(1, NULL);
    t->items[0] = sv_int(3);
    assert_text(sv_of(t), "(3,)");
    assert_text(sv_of(stuple_new(0, NULL)), "()");
}

static sv tensor(naru_dtype d, int rank, const int64_t *dims, const double *v) {
    sten *x = sten_new(d, rank, dims);
    dtype_write_f64(d, x->t.data, 0, tensor_count(&x->t), v, true);
    return sv_of(x);
}
#define DIMS(...)                                                                                                      \
    (const int64_t[]) { __VA_ARGS__ }
#define VALUES(...)                                                                                                    \
    (const double[]) { __VA_ARGS__ }

static void tensors_print_in_columns(void **state) {
    assert_text(tensor(NARU_FLOAT, 2, DIMS(2, 3), VALUES(0, 1.5, 3, 4.5, 6, 7.5)),
                " 0.0000  1.5000  3.0000\n 4.5000  6.0000  7.5000\n[ CPUFloatType{2,3} ]");
    assert_text(tensor(NARU_INT64, 1, DIMS(3), VALUES(1, 20, -300)), "   1\n  20\n-300\n[ CPULongType{3} ]");
    assert_text(tensor(NARU_FLOAT, 1, DIMS(2), VALUES(1e-8, 1e8)), " 1.0000e-08\n 1.0000e+08\n[ CPUFloatType{2} ]");
    assert_text(tensor(NARU_FLOAT, 1, DIMS(3), VALUES(NAN, 1.5, -INFINITY)),
                "    nan\n 1.5000\n   -inf\n[ CPUFloatType{3} ]");
    assert_text(tensor(NARU_FLOAT, 2, DIMS(2, 2), VALUES(.01, .02, .03, .04)),
                "0.01 *\n 1.0000  2.0000\n  3.0000  4.0000\n[ CPUFloatType{2,2} ]");
    assert_text(tensor(NARU_BOOL, 3, DIMS(2, 1, 2), VALUES(0, 1, 1, 0)),
                "(1,.,.) = \n 0  1\n\n(2,.,.) = \n 1  0\n[ CPUBoolType{2,1,2} ]");
    assert_text(tensor(NARU_FLOAT, 3, DIMS(1, 2, 2), VALUES(.01, .02, .03, .04)),
                "(1,.,.) = \n0.01 *\n  1.0000  2.0000\n   3.0000  4.0000\n[ CPUFloatType{1,2,2} ]");
    assert_text(tensor(NARU_FLOAT, 0, NULL, VALUES(3.7)), "3.700000047683716\n[ CPUFloatType{} ]");
    assert_text(tensor(NARU_INT64, 0, NULL, VALUES(3)), "3\n[ CPULongType{} ]");
    assert_text(tensor(NARU_FLOAT, 2, DIMS(2, 0), VALUES(0)), "[ CPUFloatType{2,0} ]");
    double many[24];
    for (int i = 0; i < 24; i++) many[i] = 1000 + i * 0.5;
    assert_text(tensor(NARU_FLOAT, 2, DIMS(2, 12), many),
                "Columns 1 to 7 1000.0000  1000.5000  1001.0000  1001.5000  1002.0000  1002.5000  1003.0000\n"
                " 1006.0000  1006.5000  1007.0000  1007.5000  1008.0000  1008.5000  1009.0000\n"
                "\nColumns 8 to 12 1003.5000  1004.0000  1004.5000  1005.0000  1005.5000\n"
                " 1009.5000  1010.0000  1010.5000  1011.0000  1011.5000\n[ CPUFloatType{2,12} ]");
}

static void a_chain_of_a_million_is_freed(void **state) {
    size_t before = mem_live_count();
    sv v = LIST(stype_any, sv_strz("end"));
    for (int i = 0; i < 1000000; i++) {
        if (i % 3 == 0) {
            v = sv_of(sfuture_new(v));
        } else if (i % 3 == 1) {
            stuple *t = stuple_new(1, NULL);
            t->items[0] = v;
            v = sv_of(t);
        } else {
            v = list_of(&stype_any, 1, &v);
        }
    }
    assert_true(sv_share(v));
    assert_false(sv_equal(v, sv_int(1)));
    sv_hash(v);
    str s = {0};
    sv_print(v, &s);
    str_free(&s);
    sv_drop(v);
    assert_int_equal(mem_live_count(), before);
}

static void a_cycle_is_shared_once(void **state) {
    size_t before = mem_live_count();
    slist *a = slist_new(&stype_any, 0), *b = slist_new(&stype_any, 0);
    slist_push(a, sv_keep(sv_of(b)));
    slist_push(b, sv_keep(sv_of(a)));
    assert_true(sv_share(sv_of(a)));
    assert_true(a->head.shared && b->head.shared);
    sv late = sv_strz("late");
    assert_true(slist_push(a, late));
    assert_true(late.o->shared); /* what a shared list takes is shared from then on */
    sv_set(&b->items[0], sv_none());
    sv_drop(sv_of(b));
    sv_drop(sv_of(a));
    assert_int_equal(mem_live_count(), before);
}

static void dicts_keep_order_and_find_again(void **state) {
    size_t before = mem_live_count();
    enum { N = 5000 };
    sdict *d = sdict_new(&stype_int, &stype_str);
    char text[32];
    for (int i = 0; i < N; i++) {
        int n = snprintf(text, sizeof text, "%d", i);
        assert_true(sdict_put(d, sv_int(i * 7), sv_str(text, (size_t)n)));
    }
    for (int i = 0; i < N; i += 2) assert_true(sdict_remove(d, sv_int(i * 7), NULL));
    assert_false(sdict_remove(d, sv_int(0), NULL));
    for (int i = 0; i < N; i += 4) assert_true(sdict_put(d, sv_int(i * 7), sv_strz("again")));
    assert_true(sdict_put(d, sv_int(7), sv_strz("replaced")));
    assert_int_equal(d->count, N / 2 + N / 4);
    assert_string_equal(sv_string(*sdict_find(d, sv_int(7)))->data, "replaced");
    assert_string_equal(sv_string(*sdict_find(d, sv_int(21)))->data, "3");
    assert_string_equal(sv_string(*sdict_find(d, sv_int(28)))->data, "again");
    assert_null(sdict_find(d, sv_int(14)));
    int64_t last = -1, seen = 0;
    for (size_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live) continue;
        if (++seen <= N / 2) {
            assert_true(d->entries[i].key.i > last);
            last = d->entries[i].key.i;
        }
    }
    sdict_clear(d);
    assert_int_equal(d->count, 0);
    assert_null(sdict_find(d, sv_int(7)));
    assert_true(sdict_put(d, sv_int(7), sv_none()));
    assert_false(sdict_put(d, sv_of(slist_new(&stype_int, 0)), sv_none())); /* not hashable */
    sv_drop(sv_of(d));
    assert_int_equal(mem_live_count(), before);
}

static void equality_and_hashes_agree(void **state) {
    sv a = LIST(stype_str, sv_strz("x"), sv_strz("y")), b = LIST(stype_str, sv_strz("x"), sv_strz("y"));
    assert_true(sv_equal(a, b));
    assert_false(sv_is(a, b));
    sv_set(&sv_list(b)->items[1], sv_strz("z"));
    assert_false(sv_equal(a, b));
    sv_drop(a);
    sv_drop(b);
    assert_true(sv_equal(sv_float(0), sv_float(-0.0)));
    assert_int_equal(sv_hash(sv_float(0)), sv_hash(sv_float(-0.0)));
    assert_false(sv_equal(sv_float(NAN), sv_float(NAN)));
    assert_false(sv_equal(sv_int(1), sv_float(1)));
    sv s = sv_strz("k"), t = sv_strz("k");
    assert_true(sv_is(s, t) && sv_hash(s) == sv_hash(t));
    sv_drop(s);
    sv_drop(t);
}

static void scalar_types_have_torchs_numbers(void **state) {
    assert_int_equal(torch_of_dtype(NARU_FLOAT), 6);
    assert_int_equal(torch_of_dtype(NARU_UINT8), 0);
    assert_int_equal(torch_of_dtype(NARU_INT8), 1);
    assert_int_equal(torch_of_dtype(NARU_BFLOAT16), 15);
    assert_int_equal(torch_of_dtype(NARU_STRING), -1);
    assert_int_equal(dtype_of_torch(12), NARU_INT8);
    assert_int_equal(dtype_of_torch(-1), NARU_UNDEFINED);
    assert_int_equal(dtype_of_torch(1000), NARU_UNDEFINED);
    assert_string_equal(torch_dtype_name(6), "float32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_as_pytorch_does), cmocka_unit_test(containers_print_without_quotes),
        cmocka_unit_test(tensors_print_in_columns),      cmocka_unit_test(a_chain_of_a_million_is_freed),
        cmocka_unit_test(a_cycle_is_shared_once),        cmocka_unit_test(dicts_keep_order_and_find_again),
        cmocka_unit_test(equality_and_hashes_agree),     cmocka_unit_test(scalar_types_have_torchs_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
