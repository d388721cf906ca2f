/* SPDX-License-Identifier: MIT
 *
 * Tensors and values: making, wrapping, views and strided copies, casts, reference counts, refusals, missing memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "oom_sweep.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

static void created_zeroed_and_aligned(void **state) {
    naru_tensor *t;
    assert_int_equal(naru_tensor_create(NARU_INT4, 2, (int64_t[]){3, 3}, &t, NULL), NARU_OK);
    assert_int_equal(naru_tensor_nbytes(t), 5);
    assert_int_equal((uintptr_t)naru_tensor_data(t) % 64, 0);
    for (int i = 0; i < 9; i++) assert_true(naru_tensor_get(t, i) == 0);
    assert_int_equal(naru_tensor_strides(t)[0], 3);
    naru_tensor_destroy(&t);
    assert_null(t);
    naru_tensor_destroy(&t);
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 0, NULL, &t, NULL), NARU_OK);
    assert_int_equal(naru_tensor_count(t), 1);
    naru_tensor_destroy(&t);
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 3, (int64_t[]){2, 0, INT64_MAX / 64}, &t, NULL),
                     NARU_OK); /* empty */
    assert_int_equal(naru_tensor_count(t), 0);
    naru_tensor_destroy(&t);
}

static void refusals(void **state) {
    naru_tensor *t = NULL;
    naru_error e = NARU_ERROR_INIT;
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){-1}, &t, &e), NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(e.message, "negative"));
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 2, (int64_t[]){INT64_MAX, 2}, &t, &e), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 17, (int64_t[17]){0}, &t, &e), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_tensor_create(NARU_UNDEFINED, 0, NULL, &t, &e), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 1, NULL, &t, &e), NARU_INVALID_ARGUMENT);
    float four[4];
    assert_int_equal(naru_tensor_wrap(NARU_FLOAT, 1, (int64_t[]){5}, four, sizeof four, NULL, NULL, &t, &e),
                     NARU_INVALID_ARGUMENT);
    assert_non_null(strstr(e.message, "16 bytes given, the dimensions need 20"));
    assert_null(t);
}

static void count_release(void *user) { ++*(int *)user; }

static void wrapped_memory_is_released_once(void **state) {
    float data[6] = {1, 2, 3, 4, 5, 6};
    int released = 0;
    naru_tensor *t, *again;
    assert_int_equal(
        naru_tensor_wrap(NARU_FLOAT, 2, (int64_t[]){2, 3}, data, sizeof data, count_release, &released, &t, NULL),
        NARU_OK);
    assert_ptr_equal(naru_tensor_data(t), data);
    again = naru_tensor_retain(t);
    naru_tensor_destroy(&t);
    assert_int_equal(released, 0);
    naru_tensor_destroy(&again);
    assert_int_equal(released, 1);
}

static void strided_views_copy_in_order(void **state) {
    naru_tensor *t, *view, *copy;
    assert_int_equal(naru_tensor_create(NARU_INT32, 3, (int64_t[]){2, 3, 4}, &t, NULL), NARU_OK);
    for (int i = 0; i < 24; i++) ((int32_t *)t->data)[i] = i;
    /* transposed (2,0,1), the first axis stepped by two and reversed */
    assert_int_equal(tensor_new_view(t->storage, (int32_t *)t->data + 2, NARU_INT32, 3, (int64_t[]){2, 2, 3},
                                     (int64_t[]){-2, 12, 4}, &view, NULL),
                     NARU_OK);
    assert_false(tensor_is_contiguous(view));
    assert_int_equal(tensor_clone(view, &copy, NULL), NARU_OK);
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 3; c++) {
                int want = 2 - 2 * a + 12 * b + 4 * c, at = a * 6 + b * 3 + c;
                assert_int_equal(((int32_t *)copy->data)[at], want);
                assert_true(naru_tensor_get(view, at) == want);
            }
    naru_tensor_destroy(&t); /* the view holds the memory */
    naru_tensor_destroy(&copy);
    assert_int_equal(tensor_contiguous(view, &copy, NULL), NARU_OK);
    assert_ptr_not_equal(copy, view);
    naru_tensor_destroy(&copy);
    assert_int_equal(naru_tensor_cast(view, NARU_DOUBLE, &copy, NULL), NARU_OK);
    assert_true(naru_tensor_get(copy, 1) == 6);
    naru_tensor_destroy(&copy);
    naru_tensor_destroy(&view);
}

static void broadcast_views_repeat(void **state) {
    naru_tensor *t, *view, *copy;
    assert_int_equal(naru_tensor_create(NARU_UINT8, 1, (int64_t[]){3}, &t, NULL), NARU_OK);
    memcpy(t->data, "\1\2\3", 3);
    assert_int_equal(
        tensor_new_view(t->storage, t->data, NARU_UINT8, 2, (int64_t[]){2, 3}, (int64_t[]){0, 1}, &view, NULL),
        NARU_OK);
    assert_int_equal(tensor_clone(view, &copy, NULL), NARU_OK);
    assert_memory_equal(copy->data, "\1\2\3\1\2\3", 6);
    naru_tensor_destroy(&t), naru_tensor_destroy(&view), naru_tensor_destroy(&copy);
}

static void strings_are_owned(void **state) {
    naru_tensor *t, *copy;
    size_t n;
    assert_int_equal(naru_tensor_create(NARU_STRING, 1, (int64_t[]){2}, &t, NULL), NARU_OK);
    assert_string_equal(naru_tensor_string(t, 0, &n), "");
    assert_int_equal(naru_tensor_set_string(t, 1, "a\0b", 3, NULL), NARU_OK);
    assert_int_equal(naru_tensor_set_string(t, 2, "", 0, NULL), NARU_INVALID_ARGUMENT);
    assert_int_equal(tensor_clone(t, &copy, NULL), NARU_OK);
    assert_int_equal(naru_tensor_set_string(t, 1, "other", 5, NULL), NARU_OK);
    assert_memory_equal(naru_tensor_string(copy, 1, &n), "a\0b", 3);
    assert_int_equal(n, 3);
    assert_null(naru_tensor_string(copy, 2, NULL));
    assert_null(naru_tensor_data(copy));
    naru_tensor *cast;
    assert_int_equal(naru_tensor_cast(copy, NARU_FLOAT, &cast, NULL), NARU_TYPE);
    naru_tensor_destroy(&t), naru_tensor_destroy(&copy);
}

static void casts_round_once(void **state) {
    naru_tensor *t, *f;
    assert_int_equal(naru_tensor_create(NARU_UINT64, 1, (int64_t[]){2}, &t, NULL), NARU_OK);
    ((uint64_t *)t->data)[0] = UINT64_MAX;
    ((uint64_t *)t->data)[1] = (UINT64_C(1) << 63) + (UINT64_C(1) << 39) + 1; /* just above a tie of float */
    assert_int_equal(naru_tensor_cast(t, NARU_FLOAT, &f, NULL), NARU_OK);
    assert_true(naru_tensor_get(f, 0) == 0x1p64 && naru_tensor_get(f, 1) == 0x1p63 + 0x1p40);
    naru_tensor_destroy(&f);
    assert_int_equal(naru_tensor_cast(t, NARU_INT8, &f, NULL), NARU_OK);
    assert_true(naru_tensor_get(f, 0) == -1 && naru_tensor_get(f, 1) == 1);
    naru_tensor_destroy(&f);
    naru_tensor_destroy(&t);
    assert_int_equal(naru_tensor_create(NARU_COMPLEX64, 1, (int64_t[]){1}, &t, NULL), NARU_OK);
    ((float *)t->data)[0] = 1, ((float *)t->data)[1] = 2;
    assert_int_equal(naru_tensor_cast(t, NARU_COMPLEX128, &f, NULL), NARU_OK);
    assert_true(((double *)f->data)[0] == 1 && ((double *)f->data)[1] == 2);
    naru_tensor_destroy(&f);
    naru_tensor_destroy(&t);
}

static void values_hold_references(void **state) {
    naru_tensor *t, *keys;
    naru_value *v, *list, *map, *opt;
    naru_error e = NARU_ERROR_INIT;
    assert_int_equal(naru_tensor_create(NARU_FLOAT, 0, NULL, &t, NULL), NARU_OK);
    assert_int_equal(naru_tensor_create(NARU_INT64, 1, (int64_t[]){2}, &keys, NULL), NARU_OK);
    assert_int_equal(naru_value_from_tensor(t, &v, NULL), NARU_OK);
    assert_int_equal(naru_value_from_list((naru_value *[]){v, v, v}, 3, &list, NULL), NARU_OK);
    assert_int_equal(naru_value_from_map(keys, list, &map, &e), NARU_INVALID_ARGUMENT);
    naru_value_destroy(&list);
    assert_int_equal(naru_value_from_list((naru_value *[]){v, v}, 2, &list, NULL), NARU_OK);
    assert_int_equal(naru_value_from_map(keys, list, &map, NULL), NARU_OK);
    assert_int_equal(naru_value_optional(map, &opt, NULL), NARU_OK);
    naru_tensor_destroy(&t), naru_tensor_destroy(&keys);
    naru_value_destroy(&v), naru_value_destroy(&list), naru_value_destroy(&map);
    assert_int_equal(naru_value_kind(naru_value_item(opt, 0)), NARU_KIND_MAP);
    assert_int_equal(naru_value_count(naru_value_item(opt, 0)), 2);
    assert_null(naru_value_item(opt, 1));
    assert_null(naru_value_tensor(opt));
    assert_int_equal(naru_value_from_list((naru_value *[]){opt, NULL}, 2, &list, &e), NARU_INVALID_ARGUMENT);
    naru_value_destroy(&opt);
}

/* ---- missing memory ---- */
static naru_status cast_into_list(const void *user, naru_error *err) {
    naru_tensor *t = NULL, *cast = NULL;
    naru_value *v = NULL, *list = NULL;
    naru_status st = naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){4}, &t, err);
    if (st == NARU_OK) st = naru_tensor_cast(t, NARU_INT8, &cast, err);
    if (st == NARU_OK) st = naru_value_from_tensor(cast, &v, err);
    if (st == NARU_OK) st = naru_value_from_list(&v, 1, &list, err);
    naru_tensor_destroy(&t), naru_tensor_destroy(&cast);
    naru_value_destroy(&v), naru_value_destroy(&list);
    return st;
}

static void every_missing_allocation_is_told(void **state) {
    sweep_with("cast", cast_into_list, NULL, (sweep_rules){0, 7, true});
}

static int no_leak(void **state) { return mem_live_count() == 0 ? 0 : -1; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(created_zeroed_and_aligned, no_leak),
        cmocka_unit_test_teardown(refusals, no_leak),
        cmocka_unit_test_teardown(wrapped_memory_is_released_once, no_leak),
        cmocka_unit_test_teardown(strided_views_copy_in_order, no_leak),
        cmocka_unit_test_teardown(broadcast_views_repeat, no_leak),
        cmocka_unit_test_teardown(strings_are_owned, no_leak),
        cmocka_unit_test_teardown(casts_round_once, no_leak),
        cmocka_unit_test_teardown(values_hold_references, no_leak),
        cmocka_unit_test_teardown(every_missing_allocation_is_told, no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
