/* SPDX-License-Identifier: MIT
 *
 * The C interface of modules: values of every kind, wrong calls, parameters and attributes, saving and loading again,
 * custom operators, cancellation, threads, exceptions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "naru/naru.h"
#include "script_archive.h"

#define DATA NARU_TEST_DATA "/"

/* ---- helpers ---- */
static naru_module *load(const char *path, bool regions) {
    naru_error err = NARU_ERROR_INIT;
    naru_options *o = NULL;
    naru_module *m = NULL;
    assert_int_equal(naru_options_create(&o, &err), NARU_OK);
    assert_int_equal(naru_options_set(o, "threads", "2", &err), NARU_OK);
    assert_int_equal(naru_options_set(o, "regions", regions ? "1" : "0", &err), NARU_OK);
    if (naru_module_load(path, o, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_options_destroy(&o);
    return m;
}

static naru_module *load_code(const char *code, size_t n, const archive_int *attrs, str *bytes) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    *bytes = script_archive(code, n, attrs);
    if (naru_module_load_memory(bytes->data, bytes->len, NULL, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    return m;
}

/* rank sizes; values 0.01, 0.02, ... */
static naru_ivalue *ramp(int rank, const int64_t *dims) {
    naru_tensor *t;
    naru_ivalue *v;
    assert_int_equal(naru_tensor_create(NARU_FLOAT, rank, dims, &t, NULL), NARU_OK);
    float *p = naru_tensor_data(t);
    for (int64_t i = 0; i < naru_tensor_count(t); i++) p[i] = 0.01f * (float)(i % 97 + 1);
    assert_int_equal(naru_ivalue_tensor(t, &v, NULL), NARU_OK);
    naru_tensor_destroy(&t);
    return v;
}

static naru_ivalue *call1(naru_module *m, const char *method, naru_ivalue *x) {
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *out = NULL;
    if (naru_module_call(m, method, 1, &x, &out, &err) != NARU_OK) fail_msg("%s", err.message);
    return out;
}

static void assert_same(const naru_ivalue *a, const naru_ivalue *b, double tolerance) {
    naru_tensor *x = naru_ivalue_to_tensor(a), *y = naru_ivalue_to_tensor(b);
    naru_comparison c = {.size = sizeof c};
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(naru_tensor_compare(x, y, tolerance, tolerance, &c, NULL), NARU_OK);
    if (!c.equal) fail_msg("%s", c.message);
    naru_tensor_destroy(&x);
    naru_tensor_destroy(&y);
}

static void assert_printed(const naru_ivalue *v, const char *want) {
    char *text = NULL;
    assert_int_equal(naru_ivalue_print(v, &text, NULL), NARU_OK);
    assert_string_equal(text, want);
    naru_text_free(&text);
}

/* ---- values ---- */
static void scalars(void **state) {
    (void)state;
    naru_ivalue *v;
    size_t n;
    assert_int_equal(naru_ivalue_int(-7, &v, NULL), NARU_OK);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_INT);
    assert_int_equal(naru_ivalue_to_int(v), -7);
    assert_true(naru_ivalue_to_double(v) == -7.0);
    assert_printed(v, "-7");
    naru_ivalue *same = naru_ivalue_retain(v);
    naru_ivalue_destroy(&v);
    assert_null(v);
    assert_int_equal(naru_ivalue_to_int(same), -7);
    naru_ivalue_destroy(&same);
    naru_ivalue_destroy(&same);

    naru_ivalue_double(0.5, &v, NULL);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_DOUBLE);
    assert_true(naru_ivalue_to_double(v) == 0.5);
    assert_printed(v, "0.5");
    naru_ivalue_destroy(&v);
    naru_ivalue_bool(true, &v, NULL);
    assert_true(naru_ivalue_to_bool(v));
    assert_printed(v, "True");
    naru_ivalue_destroy(&v);
    naru_ivalue_complex(1, -2, &v, NULL);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_COMPLEX);
    assert_true(naru_ivalue_to_double(v) == 1 && naru_ivalue_imaginary(v) == -2);
    naru_ivalue_destroy(&v);
    naru_ivalue_none(&v, NULL);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_NONE);
    assert_printed(v, "None");
    naru_ivalue_destroy(&v);
    naru_ivalue_string("a\0b", 3, &v, NULL);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_STRING);
    assert_memory_equal(naru_ivalue_to_string(v, &n), "a\0b", 3);
    assert_int_equal(n, 3);
    naru_ivalue_destroy(&v);
    naru_ivalue_device("cpu", &v, NULL);
    assert_int_equal(naru_ivalue_kind(v), NARU_I_DEVICE);
    assert_string_equal(naru_ivalue_to_string(v, NULL), "cpu");
    naru_ivalue_destroy(&v);
    static const char *const wrong[] = {"", "foo", "foo:0", "cpu:", "cuda:x", "cuda:0:1", "cuda:99999", "CPU"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(naru_ivalue_device(wrong[i], &v, NULL), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_device("cuda:1", &v, NULL), NARU_OK);
    naru_ivalue_destroy(&v);
}

static void containers(void **state) {
    (void)state;
    naru_ivalue *items[3], *keys[2], *list, *tuple, *dict, *x;
    for (int i = 0; i < 3; i++) naru_ivalue_int(i * i, &items[i], NULL);
    assert_int_equal(naru_ivalue_list(items, 3, &list, NULL), NARU_OK);
    assert_int_equal(naru_ivalue_tuple(items, 2, &tuple, NULL), NARU_OK);
    naru_ivalue_string("one", 3, &keys[0], NULL);
    naru_ivalue_string("two", 3, &keys[1], NULL);
    assert_int_equal(naru_ivalue_dict(keys, items, 2, &dict, NULL), NARU_OK);
    for (int i = 0; i < 3; i++) naru_ivalue_destroy(&items[i]);
    assert_int_equal(naru_ivalue_count(list), 3);
    x = naru_ivalue_item(list, 2);
    assert_int_equal(naru_ivalue_to_int(x), 4);
    naru_ivalue_destroy(&x);
    assert_null(naru_ivalue_item(list, 3));
    assert_null(naru_ivalue_key(list, 0));
    assert_int_equal(naru_ivalue_kind(tuple), NARU_I_TUPLE);
    assert_int_equal(naru_ivalue_count(tuple), 2);
    x = naru_ivalue_key(dict, 1);
    assert_string_equal(naru_ivalue_to_string(x, NULL), "two");
    naru_ivalue_destroy(&x);
    x = naru_ivalue_item(dict, 1);
    assert_int_equal(naru_ivalue_to_int(x), 1);
    naru_ivalue_destroy(&x);
    assert_printed(list, "[0, 1, 4]");
    assert_printed(tuple, "(0, 1)");
    naru_ivalue_destroy(&list);
    naru_ivalue_destroy(&tuple);
    naru_ivalue_destroy(&dict);
    for (int i = 0; i < 2; i++) naru_ivalue_destroy(&keys[i]);
    assert_int_equal(naru_ivalue_list(NULL, 0, &list, NULL), NARU_OK);
    assert_int_equal(naru_ivalue_count(list), 0);
    naru_ivalue_destroy(&list);
}

static void tensors_share_memory(void **state) {
    (void)state;
    naru_ivalue *v = ramp(2, (int64_t[]){2, 3});
    naru_tensor *a = naru_ivalue_to_tensor(v), *b = naru_ivalue_to_tensor(v);
    ((float *)naru_tensor_data(a))[4] = 42;
    assert_true(naru_tensor_get(b, 4) == 42);
    naru_ivalue_destroy(&v);
    assert_true(naru_tensor_get(a, 4) == 42);
    naru_tensor_destroy(&a);
    naru_tensor_destroy(&b);

    naru_tensor *q;
    int type;
    double scale;
    int64_t zero;
    naru_tensor_create(NARU_UINT8, 1, (int64_t[]){4}, &q, NULL);
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(naru_ivalue_quantized(q, 12, 0.5, 3, &v, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_quantized(q, 13, 0.5, 3, &v, &err), NARU_OK);
    assert_true(naru_ivalue_quantization(v, &type, &scale, &zero));
    assert_true(type == 13 && scale == 0.5 && zero == 3);
    naru_ivalue_destroy(&v);
    naru_tensor_destroy(&q);
}

static void null_arguments(void **state) {
    (void)state;
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *v = NULL;
    naru_module *m = NULL;
    assert_int_equal(naru_ivalue_int(1, NULL, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_string(NULL, 0, &v, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_tensor(NULL, &v, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_list(NULL, 2, &v, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_module_load(NULL, NULL, &m, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_module_call(NULL, "forward", 0, NULL, &v, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_ivalue_kind(NULL), NARU_I_NONE);
    assert_int_equal(naru_ivalue_count(NULL), 0);
    assert_null(naru_ivalue_to_tensor(NULL));
    naru_ivalue_destroy(NULL);
    naru_module_destroy(NULL);
    naru_module_destroy(&m);
}

/* ---- calls ---- */
static void wrong_calls(void **state) {
    (void)state;
    naru_module *m = load(DATA "smallcnn/smallcnn_trace.pt", true);
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *x = ramp(4, (int64_t[]){1, 3, 16, 16}), *n, *out = NULL;
    naru_ivalue_int(3, &n, NULL);
    assert_int_equal(naru_module_call(m, "foward", 1, &x, &out, &err), NARU_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'forward'"));
    assert_null(out);
    assert_int_equal(naru_module_call(m, "forward", 1, &n, &out, &err), NARU_TYPE);
    assert_non_null(strstr(err.message, "Tensor"));
    assert_int_equal(naru_module_call(m, "forward", 0, NULL, &out, &err), NARU_TYPE);
    assert_non_null(strstr(err.message, "missing"));
    assert_int_equal(naru_module_call(m, "forward", 2, (naru_ivalue *[]){x, n}, &out, &err), NARU_TYPE);
    assert_int_equal(naru_module_call_named(m, "forward", 1, (const char *[]){"y"}, &x, &out, &err), NARU_NOT_FOUND);
    assert_int_equal(naru_module_call(m, "forward", 1, (naru_ivalue *[]){NULL}, &out, &err), NARU_INVALID_ARGUMENT);
    naru_ivalue *flat = ramp(1, (int64_t[]){5});
    assert_int_not_equal(naru_module_call(m, "forward", 1, &flat, &out, &err), NARU_OK);
    naru_ivalue_destroy(&flat);
    out = call1(m, "forward", x); /* and it still works */
    naru_ivalue_destroy(&out);
    naru_ivalue_destroy(&x);
    naru_ivalue_destroy(&n);
    naru_module_destroy(&m);
}

static void looking(void **state) {
    (void)state;
    naru_module *m = load(DATA "smallcnn/smallcnn_trainmode.pt", true);
    naru_module_info info = {.size = sizeof info};
    const char *signature, *name, *type;
    bool has_default, buffer, found = false;
    const naru_tensor *t;
    assert_int_equal(naru_module_get_info(m, &info), NARU_OK);
    assert_string_equal(info.format, "TorchScript");
    assert_true(info.training);
    assert_int_equal(info.parameters, 8);
    assert_int_equal(info.buffers, 6);
    assert_int_equal(info.threads, 2);
    assert_string_equal(naru_module_method(m, 0, &signature), "forward");
    assert_string_equal(signature, "forward(Tensor x) -> Tensor");
    assert_null(naru_module_method(m, info.methods, &signature));
    assert_int_equal(naru_module_argument(m, "forward", 0, &name, &type, &has_default, NULL), NARU_OK);
    assert_string_equal(name, "x");
    assert_string_equal(type, "Tensor");
    assert_false(has_default);
    assert_int_equal(naru_module_argument(m, "forward", 1, &name, &type, &has_default, NULL), NARU_NOT_FOUND);
    for (size_t i = 0; (name = naru_module_parameter(m, i, &t, &buffer)); i++)
        found = found || (strcmp(name, "bn1.running_mean") == 0 && buffer && naru_tensor_count(t) > 0);
    assert_true(found);
    naru_report *report = NULL;
    naru_report_create(&report, NULL);
    assert_int_equal(naru_module_check(m, report, NULL), NARU_OK);
    assert_int_equal(naru_report_count(report, NARU_SEVERITY_ERROR), 0);
    naru_finding f = {.size = sizeof f};
    assert_int_equal(naru_report_get(report, 0, &f), NARU_OK);
    assert_string_equal(f.code, "training-mode");
    assert_non_null(strstr(f.message, "bn1, bn2"));
    naru_report_destroy(&report);
    naru_module_destroy(&m);
}

/* ---- parameters ---- */
static const naru_tensor *parameter(naru_module *m, const char *want) {
    const char *name;
    const naru_tensor *t;
    for (size_t i = 0; (name = naru_module_parameter(m, i, &t, NULL)); i++)
        if (strcmp(name, want) == 0) return t;
    return NULL;
}

static void zero_parameter(naru_module *m, const char *name) {
    const naru_tensor *old = parameter(m, name);
    naru_tensor *t;
    assert_non_null(old);
    naru_tensor_create(naru_tensor_dtype(old), naru_tensor_rank(old), naru_tensor_dims(old), &t, NULL);
    assert_int_equal(naru_module_set_parameter(m, name, t, NULL), NARU_OK);
    naru_tensor_destroy(&t);
}

static void parameters_replaced(bool regions) {
    naru_module *m = load(DATA "smallcnn/smallcnn_script.pt", regions);
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *x = ramp(4, (int64_t[]){2, 3, 20, 20}), *before = call1(m, "forward", x);
    zero_parameter(m, "head.weight");
    naru_ivalue *after = call1(m, "forward", x); /* the bias alone is left */
    naru_tensor *y = naru_ivalue_to_tensor(after);
    const naru_tensor *bias = parameter(m, "head.bias");
    assert_non_null(bias);
    for (int64_t i = 0; i < naru_tensor_count(y); i++)
        assert_true(naru_tensor_get(y, i) == naru_tensor_get(bias, i % naru_tensor_count(bias)));
    naru_tensor *t = NULL;
    naru_tensor_create(NARU_FLOAT, 0, NULL, &t, NULL);
    assert_int_equal(naru_module_set_parameter(m, "head.wieght", t, &err), NARU_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'head.weight'"));
    naru_tensor_destroy(&t);
    naru_tensor_destroy(&y);
    naru_ivalue_destroy(&x);
    naru_ivalue_destroy(&before);
    naru_ivalue_destroy(&after);
    naru_module_destroy(&m);
}

static void parameters(void **state) {
    (void)state;
    parameters_replaced(false);
    parameters_replaced(true);
}

static void training_switch(void **state) {
    (void)state;
    naru_module *m = load(DATA "smallcnn/smallcnn_trainmode.pt", true);
    naru_module_info info = {.size = sizeof info};
    naru_ivalue *x = ramp(4, (int64_t[]){2, 3, 20, 20});
    assert_int_equal(naru_module_train(m, false, NULL), NARU_OK);
    naru_module_get_info(m, &info);
    assert_false(info.training);
    naru_ivalue *a = call1(m, "forward", x), *b = call1(m, "forward", x); /* statistics stay as they are */
    assert_same(a, b, 0);
    naru_ivalue_destroy(&a);
    naru_ivalue_destroy(&b);
    naru_ivalue_destroy(&x);
    naru_module_destroy(&m);
}

/* ---- attributes ---- */
static const char counter[] = "class Net(Module):\n"
                              "  __parameters__ = []\n"
                              "  __buffers__ = []\n"
                              "  training : bool\n"
                              "  n : int\n"
                              "  def forward(self: __torch__.Net,\n"
                              "    x: Tensor) -> Tensor:\n"
                              "    n = self.n\n"
                              "    self.n = torch.add(n, 1)\n"
                              "    n0 = self.n\n"
                              "    return torch.mul(x, n0)\n";

static void attributes(void **state) {
    (void)state;
    str bytes;
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = load_code(counter, 2, (archive_int[]){{"training", 0}, {"n", 4}}, &bytes);
    naru_ivalue *x = ramp(1, (int64_t[]){3}), *v = NULL, *out = call1(m, "forward", x);
    naru_tensor *t = naru_ivalue_to_tensor(out);
    assert_float_equal(naru_tensor_get(t, 0), 0.05, 1e-6);
    assert_int_equal(naru_module_get_attribute(m, "n", &v, &err), NARU_OK);
    assert_int_equal(naru_ivalue_to_int(v), 5);
    naru_ivalue_destroy(&v);
    naru_ivalue_int(9, &v, NULL);
    assert_int_equal(naru_module_set_attribute(m, "n", v, &err), NARU_OK);
    naru_ivalue_destroy(&v);
    naru_ivalue_destroy(&out);
    naru_tensor_destroy(&t);
    out = call1(m, "forward", x);
    t = naru_ivalue_to_tensor(out);
    assert_float_equal(naru_tensor_get(t, 0), 0.1, 1e-6);
    naru_ivalue_string("x", 1, &v, NULL);
    assert_int_equal(naru_module_set_attribute(m, "n", v, &err), NARU_TYPE);
    naru_ivalue_destroy(&v);
    assert_int_equal(naru_module_get_attribute(m, "nn", &v, &err), NARU_NOT_FOUND);
    assert_int_equal(naru_module_get_attribute(m, "n.m", &v, &err), NARU_NOT_FOUND);
    assert_int_equal(naru_module_get_attribute(m, "", &v, &err), NARU_NOT_FOUND);
    naru_tensor_destroy(&t);
    naru_ivalue_destroy(&out);
    naru_ivalue_destroy(&x);
    naru_module_destroy(&m);
    str_free(&bytes);
}

/* ---- saving ---- */
static void saved_and_loaded(const char *path, int rank, const int64_t *dims) {
    char file[] = "/tmp/naru_api_XXXXXX";
    naru_error err = NARU_ERROR_INIT;
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    naru_module *a = load(path, true), *b;
    naru_ivalue *x = ramp(rank, dims), *ya = call1(a, "forward", x);
    if (naru_module_save(a, file, &err) != NARU_OK) fail_msg("%s", err.message);
    b = load(file, true);
    naru_ivalue *yb = call1(b, "forward", x);
    assert_same(ya, yb, 0);
    zero_parameter(a, "head.weight");
    naru_ivalue *zero = call1(a, "forward", x);
    assert_int_equal(naru_module_save(a, file, &err), NARU_OK); /* over the file that b maps: b keeps its own */
    naru_module *c = load(file, true);
    naru_ivalue *yc = call1(c, "forward", x), *again = call1(b, "forward", x);
    assert_same(zero, yc, 0);
    assert_same(again, yb, 0);
    assert_int_not_equal(naru_module_save(a, "/nowhere/at/all.pt", &err), NARU_OK);
    unlink(file);
    naru_ivalue *all[] = {x, ya, yb, yc, zero, again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) naru_ivalue_destroy(&all[i]);
    naru_module_destroy(&a);
    naru_module_destroy(&b);
    naru_module_destroy(&c);
}

static void saving(void **state) {
    (void)state;
    saved_and_loaded(DATA "smallcnn/smallcnn_trace.pt", 4, (int64_t[]){1, 3, 24, 24});
    saved_and_loaded(DATA "smallcnn/smallcnn_script.pt", 4, (int64_t[]){1, 3, 24, 24});
}

static void from_memory(void **state) {
    (void)state;
    FILE *f = fopen(DATA "smallcnn/smallcnn_trace.pt", "rb");
    static char bytes[1 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    naru_error err = NARU_ERROR_INIT;
    naru_module *a = NULL, *b = load(DATA "smallcnn/smallcnn_trace.pt", true);
    assert_int_equal(naru_module_load_memory(bytes, n, NULL, &a, &err), NARU_OK);
    naru_ivalue *x = ramp(4, (int64_t[]){1, 3, 24, 24}), *ya = call1(a, "forward", x), *yb = call1(b, "forward", x);
    assert_same(ya, yb, 0);
    naru_module_destroy(&a);
    for (size_t cut = 0; cut < n; cut += n / 23 + 1)
        assert_int_not_equal(naru_module_load_memory(bytes, cut, NULL, &a, &err), NARU_OK);
    naru_ivalue_destroy(&x);
    naru_ivalue_destroy(&ya);
    naru_ivalue_destroy(&yb);
    naru_module_destroy(&b);
}

/* ---- other files ---- */
static void refused(const char *path, naru_status want, const char *says) {
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    assert_int_equal(naru_module_load(path, NULL, &m, &err), want);
    assert_null(m);
    if (!strstr(err.message, says)) fail_msg("'%s' lacks '%s'", err.message, says);
}

static void other_files(void **state) {
    (void)state;
    refused(DATA "nothing.pt", NARU_IO, "nothing.pt");
    refused(DATA "bad/good.onnx", NARU_BAD_FILE, "no zip archive");
    refused(DATA "torch/smallcnn_fp32.pth", NARU_UNSUPPORTED, "a checkpoint of torch.save");
    refused(DATA "torch/smallcnn_legacy.pth", NARU_BAD_FILE, "before PyTorch 1.6");
    refused(DATA "smallcnn/calls.npz", NARU_BAD_FILE, "not PyTorch's");

    archive_writer *w = NULL;
    str bytes = {0};
    naru_error err = NARU_ERROR_INIT;
    naru_module *m = NULL;
    assert_int_equal(archive_writer_begin(NULL, "m", &w, NULL), NARU_OK);
    assert_int_equal(archive_writer_add(w, "models/model.json", "{}", 2, NULL), NARU_OK);
    assert_int_equal(archive_writer_add(w, "archive_format", "pt2", 3, NULL), NARU_OK);
    assert_int_equal(archive_writer_add(w, "archive_version", "0", 1, NULL), NARU_OK);
    assert_int_equal(archive_writer_end(w, true, &bytes, NULL), NARU_OK);
    assert_int_equal(naru_module_load_memory(bytes.data, bytes.len, NULL, &m, &err), NARU_UNSUPPORTED);
    assert_non_null(strstr(err.message, ".pt2"));
    str_free(&bytes);
}

/* ---- names ---- */
static void named_arguments(void **state) {
    (void)state;
    naru_module *m = load(DATA "script/torch-2.15/type_optional.pt", true);
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *none, *z, *out = NULL, *third;
    naru_ivalue_none(&none, NULL);
    naru_ivalue_int(3, &z, NULL); /* an int is taken where a float is asked for */
    assert_int_equal(
        naru_module_call_named(m, "forward", 2, (const char *[]){NULL, "z"}, (naru_ivalue *[]){none, z}, &out, &err),
        NARU_OK);
    third = naru_ivalue_item(out, 2);
    assert_int_equal(naru_ivalue_kind(third), NARU_I_DOUBLE);
    assert_true(naru_ivalue_to_double(third) == 3.0);
    naru_ivalue_destroy(&third);
    naru_ivalue_destroy(&out);
    assert_int_equal(
        naru_module_call_named(m, "forward", 2, (const char *[]){NULL, "x"}, (naru_ivalue *[]){none, z}, &out, &err),
        NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_module_call_named(m, "forward", 1, (const char *[]){"z"}, &z, &out, &err), NARU_TYPE);
    naru_ivalue_destroy(&none);
    naru_ivalue_destroy(&z);
    naru_module_destroy(&m);
}

/* ---- values outlive their module ---- */
static void module_goes_first(void **state) {
    (void)state;
    naru_module *m = load(DATA "models/lstm.pt", true);
    naru_tensor *ids;
    naru_ivalue *x, *out;
    naru_tensor_create(NARU_INT64, 2, (int64_t[]){2, 5}, &ids, NULL);
    naru_ivalue_tensor(ids, &x, NULL);
    out = call1(m, "forward", x);
    naru_ivalue *conv = NULL;
    const char *name = naru_module_parameter(m, 0, NULL, NULL);
    assert_int_equal(naru_module_get_attribute(m, name, &conv, NULL), NARU_OK);
    naru_module_destroy(&m);
    naru_ivalue *first = naru_ivalue_item(out, 0);
    naru_ivalue_destroy(&out);
    naru_tensor *t = naru_ivalue_to_tensor(first), *w = naru_ivalue_to_tensor(conv);
    assert_true(naru_tensor_count(t) > 0 && naru_tensor_get(t, 0) == naru_tensor_get(t, 0));
    assert_true(naru_tensor_get(w, naru_tensor_count(w) - 1) == naru_tensor_get(w, naru_tensor_count(w) - 1));
    naru_ivalue_destroy(&first);
    naru_ivalue_destroy(&conv);
    naru_tensor_destroy(&t);
    naru_tensor_destroy(&w);
    naru_tensor_destroy(&ids);
    naru_ivalue_destroy(&x);
}

/* ---- custom operators ---- */
static naru_status scale(void *user, size_t n, naru_ivalue *const *args, size_t nresults, naru_ivalue **results,
                         naru_error *err) {
    assert_int_equal(n, 2);
    assert_int_equal(nresults, 1);
    ++*(int *)user;
    naru_tensor *x = naru_ivalue_to_tensor(args[0]), *y;
    double k = naru_ivalue_to_double(args[1]);
    if (k < 0) {
        err->code = NARU_INVALID_ARGUMENT;
        strcpy(err->message, "scale: k is negative");
        naru_tensor_destroy(&x);
        return NARU_INVALID_ARGUMENT;
    }
    naru_status st = naru_tensor_create(NARU_FLOAT, naru_tensor_rank(x), naru_tensor_dims(x), &y, err);
    for (int64_t i = 0; st == NARU_OK && i < naru_tensor_count(x); i++)
        ((float *)naru_tensor_data(y))[i] = (float)(k * naru_tensor_get(x, i));
    if (st == NARU_OK) st = naru_ivalue_tensor(y, &results[0], err);
    naru_tensor_destroy(&y);
    naru_tensor_destroy(&x);
    return st;
}

static const char scaler[] = "class Net(Module):\n"
                             "  __parameters__ = []\n"
                             "  __buffers__ = []\n"
                             "  training : bool\n"
                             "  def forward(self: __torch__.Net,\n"
                             "    x: Tensor,\n"
                             "    k: float=3.) -> Tensor:\n"
                             "    y = torch.relu(x)\n"
                             "    return torch.add(ops.my_ops.scale(y, k), ops.my_ops.scale(y))\n";

static void custom_operators(void **state) {
    (void)state;
    static int calls;
    str bytes;
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *x = ramp(1, (int64_t[]){3}), *k, *out = NULL;
    naru_module *m = load_code(scaler, 1, (archive_int[]){{"training", 0}}, &bytes);
    assert_int_not_equal(naru_module_call(m, "forward", 1, &x, &out, &err), NARU_OK);
    assert_non_null(strstr(err.message, "my_ops::scale"));
    naru_module_destroy(&m);
    assert_int_equal(naru_register_operator("my_ops::scale(Tensor x, float k=2.) -> Tensor", scale, &calls, &err),
                     NARU_OK);
    assert_int_not_equal(naru_register_operator("my_ops::scale(Tensor x", scale, &calls, &err), NARU_OK);
    assert_int_not_equal(naru_register_operator(NULL, scale, &calls, &err), NARU_OK);
    assert_int_equal(naru_module_load_memory(bytes.data, bytes.len, NULL, &m, &err), NARU_OK);
    for (int round = 0; round < 3; round++) {
        out = call1(m, "forward", x);
        naru_tensor *t = naru_ivalue_to_tensor(out);
        for (int i = 0; i < 3; i++) assert_float_equal(naru_tensor_get(t, i), 0.05 * (i + 1), 1e-6);
        naru_tensor_destroy(&t);
        naru_ivalue_destroy(&out);
    }
    assert_true(calls >= 6);
    naru_ivalue_double(-1, &k, NULL);
    assert_int_not_equal(naru_module_call(m, "forward", 2, (naru_ivalue *[]){x, k}, &out, &err), NARU_OK);
    assert_non_null(strstr(err.message, "k is negative"));
    naru_ivalue_destroy(&k);
    naru_ivalue_destroy(&x);
    naru_module_destroy(&m);
    str_free(&bytes);
}

/* ---- cancellation ---- */
static const char endless[] = "class Net(Module):\n"
                              "  __parameters__ = []\n"
                              "  __buffers__ = []\n"
                              "  training : bool\n"
                              "  def forward(self: __torch__.Net,\n"
                              "    n: int) -> int:\n"
                              "    i = 0\n"
                              "    _0 = torch.gt(n, 0)\n"
                              "    while _0:\n"
                              "      i0 = torch.add(i, 1)\n"
                              "      _0, i = torch.gt(n, 0), i0\n"
                              "    return i\n";

typedef struct caller {
    naru_module *m;
    atomic_int started;
    naru_status st;
    char message[600];
} caller;

static void *call_endless(void *arg) {
    caller *c = arg;
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *n = NULL, *out = NULL;
    naru_ivalue_int(1, &n, NULL);
    atomic_store(&c->started, 1);
    c->st = naru_module_call(c->m, "forward", 1, &n, &out, &err);
    naru_ivalue_destroy(&n);
    return NULL;
}

static void cancellation(void **state) {
    (void)state;
    str bytes;
    caller c = {.m = load_code(endless, 1, (archive_int[]){{"training", 0}}, &bytes)};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, call_endless, &c), 0);
    while (!atomic_load(&c.started)) sched_yield();
    naru_module_cancel(c.m, true);
    pthread_join(t, NULL);
    assert_int_equal(c.st, NARU_CANCELLED);
    naru_module_cancel(c.m, false);
    naru_ivalue *n, *out;
    naru_ivalue_int(0, &n, NULL);
    out = call1(c.m, "forward", n);
    assert_int_equal(naru_ivalue_to_int(out), 0);
    naru_ivalue_destroy(&n);
    naru_ivalue_destroy(&out);
    naru_module_destroy(&c.m);
    str_free(&bytes);
}

/* ---- threads ---- */
typedef struct worker {
    naru_module *m;
    naru_ivalue *x, *want;
    bool ok;
} worker;

static void *work(void *arg) {
    worker *w = arg;
    w->ok = true;
    for (int i = 0; i < 8 && w->ok; i++) {
        naru_ivalue *out = NULL;
        naru_comparison c = {.size = sizeof c};
        w->ok = naru_module_call(w->m, "forward", 1, &w->x, &out, NULL) == NARU_OK;
        naru_tensor *a = naru_ivalue_to_tensor(out), *b = naru_ivalue_to_tensor(w->want);
        w->ok = w->ok && naru_tensor_compare(a, b, 1e-5, 1e-5, &c, NULL) == NARU_OK && c.equal;
        naru_tensor_destroy(&a);
        naru_tensor_destroy(&b);
        naru_ivalue_destroy(&out);
    }
    return NULL;
}

static void concurrent(bool regions) {
    enum { THREADS = 4 };
    naru_module *alone = load(DATA "smallcnn/smallcnn_script.pt", false);
    naru_module *shared = load(DATA "smallcnn/smallcnn_script.pt", regions);
    worker w[THREADS];
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++) {
        naru_ivalue *x = ramp(4, (int64_t[]){1 + i % 3, 3, 16 + 3 * i, 20});
        w[i] = (worker){shared, x, call1(alone, "forward", x), false};
    }
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_true(w[i].ok);
        naru_ivalue_destroy(&w[i].x);
        naru_ivalue_destroy(&w[i].want);
    }
    naru_module_destroy(&alone);
    naru_module_destroy(&shared);
}

static void *count_up(void *arg) {
    naru_module *m = arg;
    naru_ivalue *x = ramp(1, (int64_t[]){3});
    for (int i = 0; i < 25; i++) {
        naru_ivalue *out = NULL;
        if (naru_module_call(m, "forward", 1, &x, &out, NULL) != NARU_OK) return NULL;
        naru_ivalue_destroy(&out);
    }
    naru_ivalue_destroy(&x);
    return m;
}

/* Calls that write attributes take turns: none is lost. */
static void writers(void **state) {
    (void)state;
    str bytes;
    naru_module *m = load_code(counter, 2, (archive_int[]){{"training", 0}, {"n", 4}}, &bytes);
    pthread_t t[4];
    void *done;
    naru_ivalue *n = NULL;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, count_up, m), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &done);
        assert_non_null(done);
    }
    assert_int_equal(naru_module_get_attribute(m, "n", &n, NULL), NARU_OK);
    assert_int_equal(naru_ivalue_to_int(n), 104);
    naru_ivalue_destroy(&n);
    naru_module_destroy(&m);
    str_free(&bytes);
}

static void threads(void **state) {
    (void)state;
    concurrent(false);
    concurrent(true);
}

/* ---- exceptions ---- */
static void exceptions(void **state) {
    (void)state;
    naru_module *m = load(DATA "script/torch-2.15/error_raise.pt", true);
    naru_error err = NARU_ERROR_INIT;
    naru_ivalue *args[4], *one, *key, *out = NULL;
    char *trace = NULL;
    naru_ivalue_int(1, &one, NULL);
    naru_ivalue_string("a", 1, &key, NULL);
    naru_ivalue_int(2, &args[0], NULL);
    naru_ivalue_list(&one, 1, &args[1], NULL);
    naru_ivalue_dict(&key, &one, 1, &args[2], NULL);
    args[3] = ramp(2, (int64_t[]){2, 3});
    assert_int_equal(naru_module_traceback(m, &trace, NULL), NARU_OK);
    assert_string_equal(trace, "");
    naru_text_free(&trace);
    assert_int_equal(naru_module_call(m, "forward", 4, args, &out, &err), NARU_SCRIPT);
    assert_non_null(strstr(err.message, "ValueError: value"));
    assert_int_equal(naru_module_traceback(m, &trace, NULL), NARU_OK);
    assert_non_null(strstr(trace, "script_suite.py"));
    assert_non_null(strstr(trace, "forward"));
    naru_text_free(&trace);
    naru_ivalue_destroy(&args[0]);
    naru_ivalue_int(0, &args[0], NULL);
    assert_int_equal(naru_module_call(m, "forward", 4, args, &out, &err), NARU_OK);
    assert_int_equal(naru_ivalue_to_int(out), 0);
    naru_ivalue_destroy(&out);
    for (int i = 0; i < 4; i++) naru_ivalue_destroy(&args[i]);
    naru_ivalue_destroy(&one);
    naru_ivalue_destroy(&key);
    naru_module_destroy(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),        cmocka_unit_test(containers),      cmocka_unit_test(tensors_share_memory),
        cmocka_unit_test(null_arguments), cmocka_unit_test(wrong_calls),     cmocka_unit_test(looking),
        cmocka_unit_test(parameters),     cmocka_unit_test(training_switch), cmocka_unit_test(attributes),
        cmocka_unit_test(saving),         cmocka_unit_test(from_memory),     cmocka_unit_test(module_goes_first),
        cmocka_unit_test(other_files),    cmocka_unit_test(named_arguments), cmocka_unit_test(custom_operators),
        cmocka_unit_test(cancellation),   cmocka_unit_test(threads),         cmocka_unit_test(writers),
        cmocka_unit_test(exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
