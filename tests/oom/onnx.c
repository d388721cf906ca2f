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
#include "pb_rich.h"

static int left;
static void *failing(void *user, void *p, size_t old_size, size_t new_size) {
    if (new_size == 0) return free(p), NULL;
    return left-- > 0 ? realloc(p, new_size) : NULL;
}

static naru_status load_and_save(const char *data, size_t size) {
    graph *g;
    str out = {0};
    naru_status st = onnx_load_memory(data, size, &g, NULL);
    if (st != NARU_OK) return st;
    st = onnx_save_memory(g, &out, NULL);
    str_free(&out);
    graph_free(g);
    return st;
}

static naru_status load_file(const char *path, size_t unused) {
    graph *g;
    naru_status st = onnx_load(path, true, &g, NULL);
    if (st == NARU_OK) graph_free(g);
    return st;
}

static naru_status array_there_and_back(const char *data, size_t size) {
    naru_tensor *t, *again = NULL;
    str out = {0};
    naru_status st = npy_read_memory(data, size, &t, NULL);
    if (st != NARU_OK) return st;
    st = npy_print(t, &out, NULL);
    if (st == NARU_OK) st = npy_read_memory(out.data, out.len, &again, NULL);
    str_free(&out);
    tensor_unref(t);
    tensor_unref(again);
    return st;
}

static void sweep(naru_status (*fn)(const char *, size_t), const char *data, size_t size, int at_least) {
    naru_allocator a = {sizeof a, failing, NULL};
    size_t live = mem_live_count();
    int n = 0;
    naru_set_allocator(&a, NULL);
    for (naru_status st = NARU_OUT_OF_MEMORY; st != NARU_OK; n++) {
        left = n;
        st = fn(data, size);
        if (st != NARU_OK && st != NARU_OUT_OF_MEMORY) fail_msg("allocation %d: status %d", n, st);
        if (mem_live_count() != live) fail_msg("allocation %d: %zu blocks left", n, mem_live_count() - live);
    }
    naru_set_allocator(NULL, NULL);
    assert_true(n > at_least);
}

static void test_model_in_memory(void **state) {
    str m = rich_model();
    char *copy = malloc(m.len); /* of the C library: the hook changes below */
    memcpy(copy, m.data, m.len);
    size_t n = m.len;
    str_free(&m);
    sweep(load_and_save, copy, n, 30);
    free(copy);
}

static void test_model_file(void **state) { sweep(load_file, NARU_TEST_DATA "/models/router_op17.onnx", 0, 30); }

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
    sweep(array_there_and_back, copy, n, 5);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model_in_memory), cmocka_unit_test(test_model_file),
                                       cmocka_unit_test(test_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
