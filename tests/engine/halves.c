/* SPDX-License-Identifier: MIT
 *
 * Models of tests/data, their weights and values declared FP16 or BF16: the passes put their products into FP32, and
 * the results stay within the type's precision of what the reference evaluator computes in the model's own types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "formats/onnx/onnx.h"
#include "passes/lift.h"
#include "passes/pass.h"
#include "tensor/dtype.h"

static naru_tensor *as(naru_tensor *t, naru_dtype d) { /* takes over the reference */
    naru_tensor *out = NULL;
    assert_int_equal(naru_tensor_cast(t, d, &out, NULL), NARU_OK);
    tensor_unref(t);
    return out;
}

static void convert_constant(value *v, naru_dtype d) {
    if (!v->constant || v->constant->dtype != NARU_FLOAT) return;
    v->constant = as(v->constant, d);
    v->fact.constant = v->constant;
    v->fact.type.dtype = v->declared.dtype = d;
}

static void convert_attr(const node *n, attr *a, naru_dtype d) {
    if (a->kind == ATTR_TENSOR && a->tensor && a->tensor->dtype == NARU_FLOAT) a->tensor = as(a->tensor, d);
    if (a->kind == ATTR_INT && strcmp(n->op_type, "Cast") == 0 && strcmp(a->name, "to") == 0 && a->i == NARU_FLOAT)
        a->i = d;
}

static bool convert_block(block *b, void *user) {
    naru_dtype d = *(naru_dtype *)user;
    for (int i = 0; i < b->ninit; i++) convert_constant(b->initializers[i], d);
    for (int i = 0; i < b->nin; i++)
        if (b->in[i]->declared.dtype == NARU_FLOAT) b->in[i]->declared.dtype = d;
    for (int i = 0; i < b->nout; i++)
        if (b->out[i]->declared.dtype == NARU_FLOAT) b->out[i]->declared.dtype = d;
    for (node *n = b->first; n; n = n->next)
        for (int i = 0; i < n->nattrs; i++) convert_attr(n, &n->attrs[i], d);
    return true;
}

static graph *load(const char *name, naru_dtype d) {
    naru_error err = NARU_ERROR_INIT;
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, name);
    graph *g = NULL;
    naru_status st = onnx_load(path, true, &g, &err);
    if (st == NARU_OK) st = graph_lift(g, NULL, &err);
    if (st != NARU_OK) fail_msg("%s: %s", path, err.message);
    graph_each_block(g, false, convert_block, &d);
    return g;
}

static naru_value *input(const value *v, int image) {
    int64_t dims[NARU_MAX_RANK];
    for (int i = 0; i < v->declared.rank; i++)
        dims[i] = dim_is_const(v->declared.dims[i]) ? v->declared.dims[i] : i == 0 ? 2 : i == 1 ? 7 : image;
    naru_tensor *x;
    assert_int_equal(tensor_new(v->declared.dtype, v->declared.rank, dims, &x, NULL), NARU_OK);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        if (dtype_is_float(x->dtype)) dtype_set_f64(x->dtype, x->data, i, (double)(i * 37 % 101) / 50 - 1);
        else dtype_set_i64(x->dtype, x->data, i, 1 + i % 5);
    }
    naru_value *out;
    assert_int_equal(value_new_tensor(x, &out, NULL), NARU_OK);
    tensor_unref(x);
    return out;
}

static bool is_product(const node *n) {
    static const char *const words[] = {"Conv", "MatMul", "Gemm", "LSTM", "Attention", "Softmax", "Normalization"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strstr(n->op_type, words[i])) return true;
    return false;
}

static bool count_half_products(block *b, void *user) {
    for (const node *n = b->first; n; n = n->next)
        if (is_product(n) && n->in[0]->fact.type.dtype != NARU_FLOAT) ++*(int *)user;
    return true;
}

static void check(const char *name, naru_dtype d, int image, double rtol, double atol) {
    naru_error err = NARU_ERROR_INIT;
    graph *a = load(name, d), *b = load(name, d);
    pass_options o = {.optimize = true};
    if (passes_run(b, &o, &err) != NARU_OK) fail_msg("%s: %s", name, err.message);
    int left = 0;
    graph_each_block(b, false, count_half_products, &left);
    if (left) fail_msg("%s: %d products of halves are left", name, left);
    naru_value *in[16] = {0}, *x[16] = {0}, *y[16] = {0};
    assert_true(a->main->nin <= 16 && a->main->nout <= 16);
    for (int i = 0; i < a->main->nin; i++)
        if (!a->main->in[i]->is_initializer) in[i] = input(a->main->in[i], image);
    if (graph_evaluate(a, in, x, 1, &err) != NARU_OK) fail_msg("%s: %s", name, err.message);
    if (graph_evaluate(b, in, y, 1, &err) != NARU_OK) fail_msg("%s: after the passes: %s", name, err.message);
    for (int i = 0; i < a->main->nout; i++) {
        naru_comparison c = {.size = sizeof c};
        assert_int_equal(y[i]->tensor->dtype, d);
        naru_tensor_compare(y[i]->tensor, x[i]->tensor, rtol, atol, &c, NULL);
        if (!c.equal) fail_msg("%s: output '%s': %s", name, a->main->out[i]->name, c.message);
    }
    for (int i = 0; i < 16; i++) value_unref(in[i]), value_unref(x[i]), value_unref(y[i]);
    graph_free(a);
    graph_free(b);
}

/* Tolerances: ten roundings of the type, where the reference rounds after each of some twenty operators. */
static void both(const char *name, int image) {
    check(name, NARU_FLOAT16, image, 1e-2, 5e-3);
    check(name, NARU_BFLOAT16, image, 8e-2, 4e-2);
}
static void test_encoder(void **state) { both("models/encoder_op17.onnx", 0); }
static void test_mobile(void **state) { both("models/mobile_op17.onnx", 32); }
static void test_lstm(void **state) { both("models/lstm_op17.onnx", 0); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_encoder), cmocka_unit_test(test_mobile),
                                       cmocka_unit_test(test_lstm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
