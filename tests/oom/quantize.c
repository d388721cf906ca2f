/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for n = 1, 2, ... until a model is calibrated, quantized and compared with float: each
 * time OUT_OF_MEMORY, and nothing left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naru/quantize.h"
#include "oom_sweep.h"

static naru_status one_batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    if (index) return NARU_NOT_FOUND;
    naru_tensor *t;
    naru_status st = naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){1, 3, 4, 4}, &t, err);
    if (st != NARU_OK) return st;
    float *x = naru_tensor_data(t);
    for (int i = 0; i < 48; i++) x[i] = (float)(i % 7) / 7;
    st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

static naru_status quantize(const void *options, naru_error *err) {
    naru_model *m = NULL;
    naru_quantized *q = NULL;
    naru_samples s = {sizeof s, one_batch, NULL};
    naru_status st = naru_model_load(NARU_TEST_DATA "/smallcnn/smallcnn_dynamic_op17.onnx", NULL, &m, err);
    if (st == NARU_OK) st = naru_quantize(m, options, &s, &q, NULL, err);
    naru_quantized_destroy(&q);
    naru_model_destroy(&m);
    return st;
}

static void sweep(const char *what, const naru_quantize_options *o) {
    sweep_with(what, quantize, o, (sweep_rules){0, 100, true});
}

static void static_form(void **state) {
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    o.per_channel = o.report = true;
    o.threads = 1;
    sweep("static", &o);
}

static void other_forms(void **state) {
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    o.form = NARU_QUANTIZE_DYNAMIC;
    sweep("dynamic", &o);
    o.form = NARU_QUANTIZE_WEIGHTS;
    sweep("weights", &o);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(static_form), cmocka_unit_test(other_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
