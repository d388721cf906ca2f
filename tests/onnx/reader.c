/* SPDX-License-Identifier: MIT
 *
 * The ONNX reader on sound, odd and hostile bytes: what comes out, and that nothing leaks or crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pb.h"
#include "tensor/dtype.h"

static naru_status load(const str *m, graph **g, naru_error *e) { return onnx_load_memory(m->data, m->len, g, e); }

static graph *load_ok(str *m) {
    graph *g = NULL;
    naru_error e = NARU_ERROR_INIT;
    if (load(m, &g, &e) != NARU_OK) fail_msg("%s", e.message);
    return g;
}

/* m must be refused with `code` and a message that contains `text`; frees m. */
static void refused(str *m, naru_status code, const char *text) {
    graph *g = NULL;
    naru_error e = NARU_ERROR_INIT;
    naru_status st = load(m, &g, &e);
    if (st != code || !strstr(e.message, text)) fail_msg("status %d, message '%s'; expected '%s'", st, e.message, text);
    assert_null(g);
    str_free(m);
}

static value *find(const graph *g, const char *name) {
    for (size_t i = 0; i < g->values.count; i++)
        if (!strcmp(g->values.data[i]->name, name)) return g->values.data[i];
    fail_msg("no value '%s'", name);
    return NULL;
}

static void test_small_model(void **state) {
    str m = pb_small_model();
    graph *g = load_ok(&m);
    assert_int_equal(g->ir_version, 8);
    assert_int_equal(graph_opset(g, ""), 17);
    assert_string_equal(g->main->name, "small");
    assert_int_equal(g->main->nnodes, 2);
    assert_string_equal(g->main->first->op_type, "Add");
    value *w = find(g, "w"), *sum = find(g, "sum"), *x = find(g, "x");
    assert_true(w->is_initializer && w->constant->dims[0] == 4);
    assert_true((char *)w->constant->data > m.data &&
                (char *)w->constant->data < m.data + m.len); /* a view, not a copy */
    assert_true(dtype_get_f64(NARU_FLOAT, w->constant->data, 3) == 3);
    assert_ptr_equal(sum->producer, g->main->first);
    assert_ptr_equal(g->main->last->in[0], sum);
    assert_true(x->is_input && x->declared.rank == 2 && x->declared.dims[1] == 4);
    assert_string_equal(sym_plain_name(g->syms, x->declared.dims[0]), "batch");
    graph_free(g);
    str_free(&m);
}

static void test_cut_anywhere(void **state) {
    str m = pb_small_model();
    for (size_t n = 0; n < m.len; n++) {
        graph *g = NULL;
        char *cut = malloc(n + 1); /* its own block, so that a sanitizer sees a read past the end */
        memcpy(cut, m.data, n);
        if (onnx_load_memory(cut, n, &g, NULL) == NARU_OK)
            graph_free(g); /* cuts between fields may leave a whole model */
        free(cut);
    }
    str_free(&m);
}

static void test_any_byte_wrong(void **state) {
    str m = pb_small_model();
    for (size_t i = 0; i < m.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            graph *g = NULL;
            m.data[i] ^= (char)(1 << bit);
            if (load(&m, &g, NULL) == NARU_OK) graph_free(g);
            m.data[i] ^= (char)(1 << bit);
        }
    str_free(&m);
}

static void test_not_a_model(void **state) {
    str m = {0};
    str_add(&m, "this is plain text, no model at all");
    refused(&m, NARU_BAD_FILE, "not an ONNX model");
    str empty = {0};
    str_add(&empty, "");
    refused(&empty, NARU_BAD_FILE, "no graph");
    str g = {0};
    m = pb_model(&g, 15, 17);
    refused(&m, NARU_UNSUPPORTED, "IR version 15");
    g = (str){0};
    m = pb_model(&g, 2, 17);
    refused(&m, NARU_UNSUPPORTED, "IR version 2");
}

static void test_length_lies(void **state) {
    str m = {0};
    wire_put_int(&m, 1, 8);
    str_add_n(&m, "\x3a\xff\xff\xff\xff\x0f", 6); /* graph of 4 GiB */
    refused(&m, NARU_BAD_FILE, "longer than what holds it");
    str_add_n(&m, "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11); /* 2^64 - 1 */
    refused(&m, NARU_BAD_FILE, "longer than what holds it");
    str_add_n(&m, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13); /* a varint of 12 bytes */
    refused(&m, NARU_BAD_FILE, "cut off");
}

static str tensor_model(const int64_t *dims, int rank, int64_t dtype, uint32_t field, const char *data, size_t n) {
    str t = {0}, g = {0};
    for (int i = 0; i < rank; i++) wire_put_int(&t, 1, dims[i]);
    wire_put_int(&t, 2, dtype);
    wire_put_text(&t, 8, "w");
    if (field) wire_put_bytes(&t, field, data, n);
    wire_put_message(&g, 5, &t);
    return pb_model(&g, 10, 21);
}

static void test_tensor_lies(void **state) {
    str m = tensor_model((int64_t[]){5}, 1, NARU_FLOAT, 9, "0123456789abcdef", 16);
    refused(&m, NARU_BAD_MODEL, "tensor 'w': raw_data has 16 bytes, the dimensions need 20");
    m = tensor_model((int64_t[]){INT64_MAX, INT64_MAX}, 2, NARU_FLOAT, 9, "", 0);
    refused(&m, NARU_BAD_MODEL, "does not fit");
    m = tensor_model((int64_t[]){-1}, 1, NARU_FLOAT, 9, "", 0);
    refused(&m, NARU_BAD_MODEL, "negative");
    m = tensor_model((int64_t[]){1LL << 40}, 1, NARU_FLOAT, 4, "1234", 4);
    refused(&m, NARU_BAD_MODEL, "1 entries");
    m = tensor_model((int64_t[]){1}, 1, 99, 9, "1234", 4);
    refused(&m, NARU_BAD_MODEL, "data_type 99");
    m = tensor_model((int64_t[]){1}, 1, NARU_STRING, 9, "1234", 4);
    refused(&m, NARU_BAD_MODEL, "strings");
    m = tensor_model((int64_t[17]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 17, NARU_FLOAT, 9, "1234", 4);
    refused(&m, NARU_LIMIT, "more than 16 dimensions");
    m = tensor_model((int64_t[]){3}, 1, NARU_FLOAT, 4, "12345678", 7);
    refused(&m, NARU_BAD_FILE, "cut off");
}

static void check_elements(str *m, naru_dtype d, const double *want, int n) {
    graph *g = load_ok(m);
    const naru_tensor *t = find(g, "w")->constant;
    assert_int_equal(t->dtype, d);
    for (int i = 0; i < n; i++)
        if (dtype_get_f64(d, t->data, i) != want[i])
            fail_msg("%s[%d] is %g, want %g", naru_dtype_name(d), i, dtype_get_f64(d, t->data, i), want[i]);
    graph_free(g);
    str_free(m);
}

static void test_typed_fields(void **state) {
    str packed = {0};
    wire_put_varint(&packed, 3);
    wire_put_varint(&packed, (uint64_t)-2);
    str m = tensor_model((int64_t[]){2}, 1, NARU_INT32, 5, packed.data, packed.len);
    check_elements(&m, NARU_INT32, (double[]){3, -2}, 2);
    m = tensor_model((int64_t[]){2}, 1, NARU_INT8, 5, packed.data, packed.len);
    check_elements(&m, NARU_INT8, (double[]){3, -2}, 2);
    m = tensor_model((int64_t[]){2}, 1, NARU_INT64, 7, packed.data, packed.len);
    check_elements(&m, NARU_INT64, (double[]){3, -2}, 2);
    str_free(&packed);
    wire_put_varint(&packed, 0x3c00);
    wire_put_varint(&packed, 0xc000);
    m = tensor_model((int64_t[]){2}, 1, NARU_FLOAT16, 5, packed.data, packed.len);
    check_elements(&m, NARU_FLOAT16, (double[]){1, -2}, 2);
    str_free(&packed);
    wire_put_varint(&packed, 0x71); /* two 4-bit elements an entry, low first */
    wire_put_varint(&packed, 0x0f);
    m = tensor_model((int64_t[]){3}, 1, NARU_INT4, 5, packed.data, packed.len);
    check_elements(&m, NARU_INT4, (double[]){1, 7, -1}, 3);
    str_free(&packed);
    wire_put_varint(&packed, 8); /* E2M3: 1.0; one element an entry */
    wire_put_varint(&packed, 40);
    wire_put_varint(&packed, 31);
    m = tensor_model((int64_t[]){3}, 1, NARU_FLOAT6E2M3, 5, packed.data, packed.len);
    check_elements(&m, NARU_FLOAT6E2M3, (double[]){1, -1, 7.5}, 3);
    str_free(&packed);
    float f[4] = {1.5f, 2, -3, 4};
    m = tensor_model((int64_t[]){4}, 1, NARU_FLOAT, 4, (char *)f, sizeof f);
    check_elements(&m, NARU_FLOAT, (double[]){1.5, 2, -3, 4}, 4);
    m = tensor_model((int64_t[]){2}, 1, NARU_COMPLEX64, 4, (char *)f, sizeof f);
    check_elements(&m, NARU_COMPLEX64, (double[]){1.5, -3}, 2);
}

static void test_unpacked_is_read_too(void **state) {
    str t = {0}, g = {0};
    wire_put_int(&t, 1, 3);
    wire_put_int(&t, 2, NARU_INT64);
    for (int i = 0; i < 3; i++) wire_put_int(&t, 7, i - 1);
    wire_put_text(&t, 8, "w");
    wire_put_message(&g, 5, &t);
    str m = pb_model(&g, 10, 21);
    check_elements(&m, NARU_INT64, (double[]){-1, 0, 1}, 3);
}

static void test_sparse(void **state) {
    str values = {0}, indices = {0}, sparse = {0}, g = {0};
    float v[2] = {5, 7};
    int64_t at[2] = {1, 5};
    wire_put_int(&values, 1, 2);
    wire_put_int(&values, 2, NARU_FLOAT);
    wire_put_text(&values, 8, "w");
    wire_put_bytes(&values, 9, v, sizeof v);
    wire_put_int(&indices, 1, 2);
    wire_put_int(&indices, 2, NARU_INT64);
    wire_put_bytes(&indices, 9, at, sizeof at);
    wire_put_message(&sparse, 1, &values);
    wire_put_message(&sparse, 2, &indices);
    wire_put_int(&sparse, 3, 2);
    wire_put_int(&sparse, 3, 3);
    wire_put_message(&g, 15, &sparse);
    str m = pb_model(&g, 10, 21);
    graph *gr = load_ok(&m);
    assert_true(find(gr, "w")->sparse_initializer);
    graph_free(gr);
    check_elements(&m, NARU_FLOAT, (double[]){0, 5, 0, 0, 0, 7}, 6);
}

/* If within If within ...: GraphProtos in attributes. */
static str nested(int depth) {
    str g = {0};
    pb_node(&g, "Relu", "x", NULL, "y");
    for (int i = 0; i < depth; i++) {
        str a = {0}, n = {0}, outer = {0};
        wire_put_text(&a, 1, "then_branch");
        wire_put_message(&a, 6, &g);
        wire_put_int(&a, 20, 5);
        wire_put_text(&n, 4, "If");
        wire_put_message(&n, 5, &a);
        wire_put_message(&outer, 1, &n);
        g = outer;
    }
    return pb_model(&g, 8, 17);
}

static void test_nesting(void **state) {
    str m = nested(20);
    graph_free(load_ok(&m));
    str_free(&m);
    m = nested(3000);
    refused(&m, NARU_LIMIT, "nested more than 64 deep");
    str chain = {0};
    for (int i = 0; i < 200; i++) {
        str seq = {0}, outer = {0};
        wire_put_message(&seq, 1, &chain);
        wire_put_message(&outer, 4, &seq);
        chain = outer;
    }
    str info = {0}, g = {0};
    wire_put_text(&info, 1, "x");
    wire_put_message(&info, 2, &chain);
    wire_put_message(&g, 11, &info);
    m = pb_model(&g, 8, 17);
    refused(&m, NARU_LIMIT, "value 'x': types are nested");
}

static void test_disorder_is_kept_for_the_verifier(void **state) {
    str g = {0};
    pb_node(&g, "Relu", "late", NULL, "y"); /* uses what the next node makes, and what nobody makes */
    pb_node(&g, "Add", "x", "nobody", "late");
    pb_node(&g, "Neg", "x", NULL, "y"); /* y a second time */
    pb_port(&g, 11, "x", 1);
    pb_port(&g, 12, "y", 1);
    str m = pb_model(&g, 8, 17);
    graph *gr = load_ok(&m);
    assert_null(find(gr, "nobody")->block);
    assert_ptr_equal(find(gr, "late")->producer, gr->main->first->next);
    assert_ptr_equal(find(gr, "y")->producer, gr->main->first);
    assert_ptr_equal(gr->main->last->out[0], find(gr, "y"));
    graph_free(gr);
    str_free(&m);
}

/* ---- files ---- */
static char folder[64];
static void path_in(char *buf, size_t size, const char *name) { snprintf(buf, size, "%s/%s", folder, name); }

static void write_model(const char *location, int64_t offset, int64_t length) {
    char path[128], number[32];
    str t = {0}, g = {0};
    const char *pairs[3][2] = {{"location", location}, {"offset", NULL}, {"length", NULL}};
    wire_put_int(&t, 1, 4);
    wire_put_int(&t, 2, NARU_FLOAT);
    wire_put_text(&t, 8, "w");
    for (int i = 0; i < 3; i++) {
        str p = {0};
        snprintf(number, sizeof number, "%lld", (long long)(i == 1 ? offset : length));
        if (i == 2 && length == -2) continue;
        wire_put_text(&p, 1, pairs[i][0]);
        wire_put_text(&p, 2, pairs[i][1] ? pairs[i][1] : number);
        wire_put_message(&t, 13, &p);
    }
    wire_put_int(&t, 14, 1);
    wire_put_message(&g, 5, &t);
    str m = pb_model(&g, 10, 21);
    path_in(path, sizeof path, "m.onnx");
    assert_int_equal(file_write(path, m.data, m.len, NULL), NARU_OK);
    str_free(&m);
}

static void external_refused(const char *location, int64_t offset, int64_t length, const char *text) {
    char path[128];
    graph *g = NULL;
    naru_error e = NARU_ERROR_INIT;
    write_model(location, offset, length);
    path_in(path, sizeof path, "m.onnx");
    naru_status st = onnx_load(path, true, &g, &e);
    if (st == NARU_OK || !strstr(e.message, text) || !strstr(e.message, path))
        fail_msg("%d '%s'; expected '%s'", st, e.message, text);
}

static void test_external_data(void **state) {
    char path[128], link_path[128], outside[128];
    float data[6] = {9, 9, 1, 2, 3, 4};
    path_in(path, sizeof path, "w.bin");
    assert_int_equal(file_write(path, data, sizeof data, NULL), NARU_OK);
    for (int map = 0; map < 2; map++) {
        graph *g;
        naru_error e = NARU_ERROR_INIT;
        write_model("w.bin", 8, 16);
        path_in(path, sizeof path, "m.onnx");
        if (onnx_load(path, map, &g, &e) != NARU_OK) fail_msg("%s", e.message);
        assert_true(dtype_get_f64(NARU_FLOAT, find(g, "w")->constant->data, 3) == 4);
        graph_free(g);
    }
    external_refused("w.bin", 12, -2, "12 bytes in 'w.bin', the dimensions need 16");
    external_refused("w.bin", 12, 16, "16 bytes at 12 asked for");
    external_refused("w.bin", INT64_MAX, 16, "'w.bin' has 24");
    external_refused("w.bin", -4, 16, "is not a number >= 0");
    external_refused("/etc/hostname", 0, 16, "beneath the model's folder");
    external_refused("../w.bin", 0, 16, "'..'");
    external_refused("sub/../w.bin", 0, 16, "sub");
    external_refused("", 0, 16, "without a location");
    external_refused("nowhere.bin", 0, 16, "No such file");
    external_refused(".", 0, 16, "folder");
    snprintf(outside, sizeof outside, "%s.outside", folder);
    path_in(link_path, sizeof link_path, "link.bin");
    assert_int_equal(file_write(outside, data, sizeof data, NULL), NARU_OK);
    assert_int_equal(symlink(outside, link_path), 0);
    external_refused("link.bin", 0, 16, "links are not followed");
    unlink(link_path);
    assert_int_equal(link(outside, link_path), 0);
    external_refused("link.bin", 0, 16, "hard links");
    unlink(link_path);
    unlink(outside);
}

static void test_every_data_model_loads(void **state) {
    static const char *const names[] = {"smallcnn/smallcnn_dynamo.onnx", "silero/silero_vad.onnx",
                                        "models/router_op17.onnx", "quant/encoder_dynamic_quant.onnx",
                                        "models/llama_dynamo.onnx"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[300];
        graph *g;
        naru_error e = NARU_ERROR_INIT;
        snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, names[i]);
        if (onnx_load(path, true, &g, &e) != NARU_OK) fail_msg("%s", e.message);
        graph_free(g);
    }
}

static int teardown(void **state) { return mem_live_count() == 0 ? 0 : -1; }

static int make_folder(void **state) {
    snprintf(folder, sizeof folder, "/tmp/naru-reader-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) {
    char path[128];
    path_in(path, sizeof path, "m.onnx"), unlink(path);
    path_in(path, sizeof path, "w.bin"), unlink(path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_small_model, teardown),
        cmocka_unit_test_teardown(test_cut_anywhere, teardown),
        cmocka_unit_test_teardown(test_any_byte_wrong, teardown),
        cmocka_unit_test_teardown(test_not_a_model, teardown),
        cmocka_unit_test_teardown(test_length_lies, teardown),
        cmocka_unit_test_teardown(test_tensor_lies, teardown),
        cmocka_unit_test_teardown(test_typed_fields, teardown),
        cmocka_unit_test_teardown(test_unpacked_is_read_too, teardown),
        cmocka_unit_test_teardown(test_sparse, teardown),
        cmocka_unit_test_teardown(test_nesting, teardown),
        cmocka_unit_test_teardown(test_disorder_is_kept_for_the_verifier, teardown),
        cmocka_unit_test_teardown(test_external_data, teardown),
        cmocka_unit_test_teardown(test_every_data_model_loads, teardown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
