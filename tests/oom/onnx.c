/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for n = 1, 2, ... until a model is loaded and saved: each time OUT_OF_MEMORY, and nothing
 * left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "formats/npy/npy.h"
#include "oom_sweep.h"
#include "pb_rich.h"

typedef struct file {
    const char *data;
    size_t size;
} file;

static naru_status load_and_save(const void *user, naru_error *err) {
    const file *f = user;
    graph *g;
    str out = {0};
    TRY(onnx_load_memory(f->data, f->size, &g, err));
    naru_status st = onnx_save_memory(g, &out, err);
    str_free(&out);
    graph_free(g);
    return st;
}

static naru_status load_file(const void *path, naru_error *err) {
    graph *g;
    naru_status st = onnx_load(path, true, &g, err);
    if (st == NARU_OK) graph_free(g);
    return st;
}

static naru_status array_there_and_back(const void *user, naru_error *err) {
    const file *f = user;
    naru_tensor *t, *again = NULL;
    str out = {0};
    TRY(npy_read_memory(f->data, f->size, &t, err));
    naru_status st = npy_print(t, &out, err);
    if (st == NARU_OK) st = npy_read_memory(out.data, out.len, &again, err);
    str_free(&out);
    tensor_unref(t);
    tensor_unref(again);
    return st;
}

static void sweep(const char *what, sweep_action act, const void *user, long at_least) {
    sweep_with(what, act, user, (sweep_rules){0, at_least, true});
}

static void test_model_in_memory(void **state) {
    str m = rich_model();
    char *copy = malloc(m.len); /* of the C library: the hook changes below */
    memcpy(copy, m.data, m.len);
    size_t n = m.len;
    str_free(&m);
    sweep("model in memory", load_and_save, &(file){copy, n}, 30);
    free(copy);
}

static void test_model_file(void **state) {
    sweep("model file", load_file, NARU_TEST_DATA "/models/router_op17.onnx", 30);
}

static void test_array(void **state) {
    int64_t three = 3;
    naru_tensor *t;
    str out = {0};
    assert_int_equal(naru_tensor_create(NARU_STRING, 1, &three, &t, NULL), NARU_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(naru_tensor_set_string(t, i, "text", 4, NULL), NARU_OK);
    assert_int_equal(npy_print(t, &out, NULL), NARU_OK);
    char *copy = malloc(out.len);
    memcpy(copy, out.data, out.len);
    size_t n = out.len;
    str_free(&out);
    tensor_unref(t);
    sweep("array", array_there_and_back, &(file){copy, n}, 5);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model_in_memory), cmocka_unit_test(test_model_file),
                                       cmocka_unit_test(test_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
