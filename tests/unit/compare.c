/* SPDX-License-Identifier: MIT
 *
 * naru_tensor_compare: tolerances, the worst element, NaN and infinity, wide integers, strings, wrong types and shapes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/dtype.h"
#include "tensor/tensor.h"

static naru_tensor *floats(int rank, const int64_t *dims, const float *v) {
    naru_tensor *t;
    assert_int_equal(naru_tensor_create(NARU_FLOAT, rank, dims, &t, NULL), NARU_OK);
    if (v) memcpy(t->data, v, tensor_bytes(t));
    return t;
}

static naru_comparison compare(naru_tensor *a, naru_tensor *b, double rtol, double atol) {
    naru_comparison c = {.size = sizeof c};
    assert_int_equal(naru_tensor_compare(a, b, rtol, atol, &c, NULL), NARU_OK);
    naru_tensor_destroy(&a);
    naru_tensor_destroy(&b);
    return c;
}

static void worst_element_and_count(void **state) {
    int64_t dims[] = {2, 3};
    naru_comparison c =
        compare(floats(2, dims, (float[]){1, 2, 3, 4, 5, 6}), floats(2, dims, (float[]){1, 2, 3.5f, 4, 7, 6}), 0, 0.25);
    assert_false(c.equal);
    assert_int_equal(c.differing, 2);
    assert_int_equal(c.count, 6);
    assert_int_equal(c.worst_index, 4);
    assert_true(c.worst_abs == 2 && c.worst_got == 5 && c.worst_want == 7);
    assert_string_equal(c.message,
                        "worst difference 2 (relative 0.2857143) at [1,1]: got 5, want 7; 2 of 6 elements outside "
                        "rtol 0, atol 0.25");
}

static void the_bound_itself_is_inside(void **state) {
    int64_t dims[] = {1};
    assert_true(compare(floats(1, dims, (float[]){1.5f}), floats(1, dims, (float[]){1}), 0, 0.5).equal);
    assert_true(compare(floats(1, dims, (float[]){3}), floats(1, dims, (float[]){2}), 0.5, 0).equal);
    assert_false(compare(floats(1, dims, (float[]){3.001f}), floats(1, dims, (float[]){2}), 0.5, 0).equal);
}

static void special_floats(void **state) {
    int64_t dims[] = {3};
    float same[] = {NAN, INFINITY, -INFINITY}, other[] = {0, INFINITY, -INFINITY},
          flipped[] = {NAN, -INFINITY, -INFINITY};
    assert_true(compare(floats(1, dims, same), floats(1, dims, same), 0, 0).equal);
    naru_comparison c = compare(floats(1, dims, same), floats(1, dims, other), 1, 1e30);
    assert_false(c.equal);
    assert_int_equal(c.worst_index, 0);
    assert_true(isinf(c.worst_abs));
    c = compare(floats(1, dims, flipped), floats(1, dims, same), 1, 1);
    assert_int_equal(c.differing, 1);
    assert_int_equal(c.worst_index, 1);
}

static void negative_zero_equals_zero(void **state) {
    int64_t dims[] = {1};
    assert_true(compare(floats(1, dims, (float[]){-0.0f}), floats(1, dims, (float[]){0}), 0, 0).equal);
}

static naru_tensor *ints(naru_dtype d, int64_t a, int64_t b) {
    naru_tensor *t;
    assert_int_equal(naru_tensor_create(d, 1, (int64_t[]){2}, &t, NULL), NARU_OK);
    dtype_write_i64(d, t->data, 0, 2, (int64_t[]){a, b});
    return t;
}

static void wide_integers_are_exact(void **state) { /* neighbours above 2^53 are one double */
    naru_comparison c =
        compare(ints(NARU_INT64, INT64_MAX, INT64_MIN), ints(NARU_INT64, INT64_MAX - 1, INT64_MIN), 0, 0);
    assert_int_equal(c.differing, 1);
    assert_true(c.worst_abs == 1);
    c = compare(ints(NARU_INT64, INT64_MIN, 0), ints(NARU_INT64, INT64_MAX, 0), 0, 0);
    assert_true(c.worst_abs == 0x1p64);
    assert_true(compare(ints(NARU_UINT64, -1, 1), ints(NARU_UINT64, -1, 1), 0, 0).equal);
    c = compare(ints(NARU_UINT64, -1, 1), ints(NARU_UINT64, 1, 1), 0, 0);
    assert_true(c.worst_abs > 1e19);
    assert_true(compare(ints(NARU_INT4, -8, 7), ints(NARU_INT4, -8, 7), 0, 0).equal);
    assert_int_equal(compare(ints(NARU_UINT2, 3, 2), ints(NARU_UINT2, 3, 1), 0, 0).worst_index, 1);
}

static void strings_byte_by_byte(void **state) {
    naru_tensor *a, *b;
    int64_t dims[] = {2};
    naru_tensor_create(NARU_STRING, 1, dims, &a, NULL);
    naru_tensor_create(NARU_STRING, 1, dims, &b, NULL);
    naru_tensor_set_string(a, 1, "two", 3, NULL);
    naru_tensor_set_string(b, 1, "zwei", 4, NULL);
    naru_comparison c = compare(a, b, 9, 9);
    assert_false(c.equal);
    assert_string_equal(c.message, "1 of 2 strings differ, first at [1]: got 'two', want 'zwei'");
}

static void types_and_shapes_must_agree(void **state) {
    int64_t dims[] = {2}, row[] = {1, 2};
    float v[] = {1, 2};
    naru_comparison c = compare(floats(1, dims, v), floats(2, row, v), 1, 1);
    assert_false(c.equal);
    assert_string_equal(c.message, "shape differs: got float[2], want float[1,2]");
    c = compare(floats(1, dims, v), ints(NARU_INT32, 1, 2), 1, 1);
    assert_false(c.equal);
    assert_string_equal(c.message, "element type differs: got float[2], want int32[2]");
}

static void empty_and_scalar(void **state) {
    int64_t none[] = {0, 4};
    assert_true(compare(floats(2, none, NULL), floats(2, none, NULL), 0, 0).equal);
    naru_comparison c = compare(floats(0, NULL, (float[]){1}), floats(0, NULL, (float[]){2}), 0, 0);
    assert_int_equal(c.worst_index, 0);
    assert_non_null(strstr(c.message, "at []"));
}

static void complex_by_modulus(void **state) {
    naru_tensor *a, *b;
    int64_t dims[] = {1};
    naru_tensor_create(NARU_COMPLEX64, 1, dims, &a, NULL);
    naru_tensor_create(NARU_COMPLEX64, 1, dims, &b, NULL);
    memcpy(a->data, (float[]){3, 4}, 8);
    naru_comparison c = compare(a, b, 0, 1);
    assert_true(c.worst_abs == 5);
    assert_false(c.equal);
}

static void views_are_followed(void **state) {
    int64_t dims[] = {2, 2}, strides[] = {1, 2};
    naru_tensor *t = floats(2, dims, (float[]){1, 2, 3, 4}), *view;
    assert_int_equal(tensor_new_view(t->storage, t->data, NARU_FLOAT, 2, dims, strides, &view, NULL), NARU_OK);
    naru_tensor_destroy(&t);
    assert_true(compare(view, floats(2, dims, (float[]){1, 3, 2, 4}), 0, 0).equal);
}

static void bad_arguments(void **state) {
    naru_comparison c;
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = floats(0, NULL, (float[]){1});
    assert_int_equal(naru_tensor_compare(NULL, t, 0, 0, &c, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_tensor_compare(t, t, -1, 0, &c, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_tensor_compare(t, t, 0, (double)NAN, &c, &err), NARU_INVALID_ARGUMENT);
    naru_tensor_destroy(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worst_element_and_count),
        cmocka_unit_test(the_bound_itself_is_inside),
        cmocka_unit_test(special_floats),
        cmocka_unit_test(negative_zero_equals_zero),
        cmocka_unit_test(wide_integers_are_exact),
        cmocka_unit_test(strings_byte_by_byte),
        cmocka_unit_test(types_and_shapes_must_agree),
        cmocka_unit_test(empty_and_scalar),
        cmocka_unit_test(complex_by_modulus),
        cmocka_unit_test(views_are_followed),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
