/* SPDX-License-Identifier: MIT
 *
 * Load, save, load gives the same graph: compared by the bytes of a second save, and in what a person can see. Covers
 * what the reader does not understand, functions, metadata, every attribute kind, sparse tensors, external data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "pb_rich.h"
#include "tensor/dtype.h"

static graph *load_ok(const void *data, size_t size) {
    graph *g = NULL;
    naru_error e = NARU_ERROR_INIT;
    if (onnx_load_memory(data, size, &g, &e) != NARU_OK) fail_msg("%s", e.message);
    return g;
}

/* The saved bytes of what `data` means; saving them again must give the same. */
static str settled(const void *data, size_t size) {
    str once = {0}, twice = {0};
    graph *g = load_ok(data, size);
    assert_int_equal(onnx_save_memory(g, &once, NULL), NARU_OK);
    graph_free(g);
    g = load_ok(once.data, once.len);
    assert_int_equal(onnx_save_memory(g, &twice, NULL), NARU_OK);
    graph_free(g);
    assert_int_equal(once.len, twice.len);
    assert_memory_equal(once.data, twice.data, once.len);
    str_free(&twice);
    return once;
}

static bool holds(const str *s, const void *what, size_t n) { return memmem(s->data, s->len, what, n) != NULL; }
static bool holds_text(const str *s, const char *text) { return holds(s, text, strlen(text)); }

static void test_small_model(void **state) {
    str m = pb_small_model(), s = settled(m.data, m.len);
    assert_int_equal(s.len, m.len); /* the same fields, in the same order */
    assert_memory_equal(s.data, m.data, m.len);
    str_free(&m);
    str_free(&s);
}

static void test_everything_is_kept(void **state) {
    static const char *const texts[] = {"attribute's later field",
                                        "tensor's doc",
                                        "inner",
                                        "about it",
                                        "outer_axis",
                                        "node's doc",
                                        "my.domain",
                                        "node key",
                                        "node text",
                                        "device configuration",
                                        "graph's doc",
                                        "annotated tensor",
                                        "graph text",
                                        "1.0",
                                        "org.example",
                                        "model's doc",
                                        "model text",
                                        "training info",
                                        "function's doc",
                                        "slope",
                                        "axis",
                                        "v2",
                                        "model's later field",
                                        "nobody's",
                                        "inner_y",
                                        "the node"};
    str m = rich_model(), s = settled(m.data, m.len);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!holds_text(&s, texts[i])) fail_msg("lost: %s", texts[i]);
    assert_true(holds(&s, "by\0tes", 6));
    graph *g = load_ok(s.data, s.len);
    const node *n = g->main->first;
    assert_int_equal(n->nattrs, 10);
    assert_true(node_attr(n, "f")->f == 1.25f && node_attr(n, "i")->i == -7);
    assert_true(node_attr(n, "fs")->count == 3 && node_attr(n, "is")->ints[0] == -1 && node_attr(n, "ss")->count == 2);
    assert_true(node_attr(n, "none")->kind == ATTR_INTS && node_attr(n, "none")->count == 0);
    assert_ptr_equal(node_attr(n, "g")->block->first->in[0], g->main->in[0]); /* the body uses the outer value itself */
    assert_string_equal(node_attr(n, "ref")->ref_name, "outer_axis");
    assert_true(n->nin == 2 && !n->in[1] && n->nout == 2 && !n->out[1]);
    assert_int_equal(g->nfunctions, 1);
    assert_int_equal(g->model_version, 77);
    graph_free(g);
    str_free(&m);
    str_free(&s);
}

static void test_denotations_are_kept(void **state) {
    str g = {0}, info = {0}, kind = {0}, tensor = {0};
    wire_put_int(&tensor, 1, NARU_FLOAT);
    wire_put_message(&kind, 1, &tensor);
    wire_put_text(&kind, 6, "IMAGE");
    wire_put_text(&info, 1, "x");
    wire_put_message(&info, 2, &kind);
    wire_put_message(&g, 11, &info);
    str m = pb_model(&g, 10, 21), s = settled(m.data, m.len);
    assert_true(holds_text(&s, "IMAGE"));
    str_free(&m);
    str_free(&s);
}

/* A model of the test data: same nodes, same weights, after writing to files inline and with external data. */
static void compare_weights(const graph *a, const graph *b) {
    assert_int_equal(a->values.count, b->values.count);
    assert_int_equal(a->main->nnodes, b->main->nnodes);
    for (size_t i = 0; i < a->values.count; i++) {
        const value *v = a->values.data[i], *w = b->values.data[i];
        assert_string_equal(v->name, w->name);
        assert_int_equal(!v->constant, !w->constant);
        if (!v->constant) continue;
        assert_true(v->constant->dtype == w->constant->dtype && tensor_same_dims(v->constant, w->constant));
        assert_memory_equal(v->constant->data, w->constant->data, tensor_bytes(v->constant));
    }
}

static void test_files(void **state) {
    static const char *const names[] = {"smallcnn/smallcnn_dynamo.onnx", "models/router_op17.onnx",
                                        "quant/smallcnn_qoperator.onnx"};
    char folder[] = "/tmp/naru-writer-XXXXXX", path[300], out[64], data[64];
    assert_non_null(mkdtemp(folder));
    snprintf(out, sizeof out, "%s/m.onnx", folder);
    snprintf(data, sizeof data, "%s/m.onnx.data", folder);
    for (size_t i = 0; i < 2 * COUNT_OF(names); i++) {
        graph *a, *b;
        naru_error e = NARU_ERROR_INIT;
        snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, names[i / 2]);
        assert_int_equal(onnx_load(path, true, &a, NULL), NARU_OK);
        if (onnx_save(a, out, i % 2, &e) != NARU_OK || onnx_load(out, true, &b, &e) != NARU_OK)
            fail_msg("%s", e.message);
        compare_weights(a, b);
        graph_free(a);
        graph_free(b);
        if (i % 2) assert_true(access(data, R_OK) == 0 || i / 2 == 1); /* the router's weights are all small */
    }
    unlink(out);
    unlink(data);
    rmdir(folder);
}

static void test_values_in_files(void **state) {
    char path[] = "/tmp/naru-value-XXXXXX.pb";
    close(mkstemps(path, 3));
    int64_t two = 2;
    naru_tensor *t, *keys;
    naru_value *v, *seq, *opt, *map, *back;
    assert_int_equal(naru_tensor_create(NARU_INT4, 1, &two, &t, NULL), NARU_OK);
    dtype_set_i64(NARU_INT4, t->data, 1, -3);
    assert_int_equal(naru_tensor_create(NARU_STRING, 1, &two, &keys, NULL), NARU_OK);
    assert_int_equal(naru_tensor_set_string(keys, 1, "k\0y", 3, NULL), NARU_OK);
    assert_int_equal(naru_value_from_tensor(t, &v, NULL), NARU_OK);
    assert_int_equal(naru_value_from_list((naru_value *[]){v, v}, 2, &seq, NULL), NARU_OK);
    assert_int_equal(naru_value_from_map(keys, seq, &map, NULL), NARU_OK);
    assert_int_equal(naru_value_optional(map, &opt, NULL), NARU_OK);
    assert_int_equal(onnx_value_save(opt, "o", path, NULL), NARU_OK);
    assert_int_equal(naru_value_load(path, NARU_KIND_OPTIONAL, &back, NULL), NARU_OK);
    const naru_value *m = naru_value_item(back, 0);
    assert_int_equal(naru_value_kind(m), NARU_KIND_MAP);
    size_t n;
    assert_memory_equal(naru_tensor_string(naru_value_keys(m), 1, &n), "k\0y", 3);
    assert_int_equal(n, 3);
    assert_true(naru_tensor_get(naru_value_tensor(naru_value_item(m, 1)), 1) == -3);
    naru_value_destroy(&back);
    naru_value_destroy(&v), naru_value_destroy(&seq), naru_value_destroy(&map), naru_value_destroy(&opt);
    naru_tensor_destroy(&t), naru_tensor_destroy(&keys);
    assert_int_equal(naru_value_optional(NULL, &opt, NULL), NARU_OK); /* an empty one */
    assert_int_equal(onnx_value_save(opt, "", path, NULL), NARU_OK);
    assert_int_equal(naru_value_load(path, NARU_KIND_OPTIONAL, &back, NULL), NARU_OK);
    assert_int_equal(naru_value_count(back), 0);
    naru_value_destroy(&back);
    naru_value_destroy(&opt);
    unlink(path);
}

static int teardown(void **state) { return mem_live_count() == 0 ? 0 : -1; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_small_model, teardown),
        cmocka_unit_test_teardown(test_everything_is_kept, teardown),
        cmocka_unit_test_teardown(test_denotations_are_kept, teardown),
        cmocka_unit_test_teardown(test_files, teardown),
        cmocka_unit_test_teardown(test_values_in_files, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
