/* SPDX-License-Identifier: MIT
 *
 * Quantizing the trained SmallCNN: accuracy on its digits by every calibrator and form, the same answers as ONNX
 * Runtime's quantizer recorded, batches in any order, targets, and samples that fail.
 */
#include "run_session.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "naru/quantize.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, BATCH = 32, CLASSES = 10 };

typedef struct digits { /* uint8 [count,8,8], 16 is white */
    naru_tensor *x, *y;
    int64_t count;
    bool reversed;
    int64_t fail_at; /* a batch; -1: none */
} digits;

static naru_tensor *load(const char *file, const char *key) {
    char path[1000];
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    snprintf(path, sizeof path, "%s/%s:%s", NARU_TEST_DATA, file, key);
    OK(naru_tensor_load(path, &t, &err));
    return t;
}

static digits load_digits(const char *x) {
    digits d = {.x = load("smallcnn/digits.npz", x), .fail_at = -1};
    if (strcmp(x, "test_x") == 0) d.y = load("smallcnn/digits.npz", "test_y");
    d.count = naru_tensor_dims(d.x)[0];
    return d;
}

static void drop_digits(digits *d) {
    naru_tensor_destroy(&d->x);
    naru_tensor_destroy(&d->y);
}

static naru_status batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    const digits *d = user;
    if ((int64_t)index == d->fail_at) return NARU_IO;
    int64_t batches = (d->count + BATCH - 1) / BATCH, k = d->reversed ? batches - 1 - (int64_t)index : (int64_t)index;
    if ((int64_t)index >= batches) return NARU_NOT_FOUND;
    int64_t first = k * BATCH, n = d->count - first < BATCH ? d->count - first : BATCH;
    naru_tensor *t;
    naru_status st = naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){n, 3, SIDE, SIDE}, &t, err);
    if (st != NARU_OK) return st;
    float *to = naru_tensor_data(t);
    for (int64_t i = 0; i < n * 3 * PIXELS; i++)
        to[i] = (float)((uint8_t *)naru_tensor_data(d->x))[(first + i / (3 * PIXELS)) * PIXELS + i % PIXELS] / 16;
    st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

static naru_model *small_cnn(void) {
    char path[1000];
    naru_error err = NARU_ERROR_INIT;
    naru_model *m = NULL;
    snprintf(path, sizeof path, "%s/smallcnn/smallcnn_dynamic_op17.onnx", NARU_TEST_DATA);
    OK(naru_model_load(path, NULL, &m, &err));
    return m;
}

static naru_quantized *quantize(const naru_quantize_options *o, digits *d) {
    naru_error err = NARU_ERROR_INIT;
    naru_quantized *q = NULL;
    naru_model *m = small_cnn();
    naru_samples s = {sizeof s, batch, d};
    OK(naru_quantize(m, o, d ? &s : NULL, &q, NULL, &err));
    naru_model_destroy(&m);
    return q;
}

/* Logits of the first `batches` batches of d; to be freed. */
static float *logits_of(const naru_model *m, const char *evaluator, digits *d, size_t batches) {
    naru_error err = NARU_ERROR_INIT;
    naru_session *s = NULL;
    naru_options *o = NULL;
    float *all = malloc((size_t)d->count * CLASSES * sizeof *all);
    OK(naru_options_create(&o, &err));
    OK(naru_options_set(o, "evaluator", evaluator, &err));
    OK(naru_session_create(m, o, &s, NULL, &err));
    naru_value *in = NULL, *out = NULL;
    for (size_t k = 0; k < batches && batch(d, k, 1, &in, &err) == NARU_OK; k++) {
        OK(naru_session_run(s, 1, (const char *const[]){"input"}, &in, 1, (const char *const[]){"logits"}, &out, &err));
        const naru_tensor *t = naru_value_tensor(out);
        memcpy(all + k * BATCH * CLASSES, naru_tensor_data(t), naru_tensor_nbytes(t));
        naru_value_destroy(&in);
        naru_value_destroy(&out);
    }
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    return all;
}

static int64_t class_of(const float *p) {
    int64_t best = 0;
    for (int64_t i = 1; i < CLASSES; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

static double accuracy_of(const naru_model *m, digits *d) {
    float *logits = logits_of(m, "engine", d, SIZE_MAX);
    int64_t right = 0;
    for (int64_t i = 0; i < d->count; i++) right += (double)class_of(logits + i * CLASSES) == naru_tensor_get(d->y, i);
    free(logits);
    return 100.0 * (double)right / (double)d->count;
}

static void within_half_a_point(const char *what, const naru_quantize_options *o, digits *calib, digits *test,
                                double want) {
    naru_quantized *q = quantize(o, calib);
    double got = accuracy_of(naru_quantized_model(q), test);
    if (got < want - 0.5) fail_msg("%s: %.2f%%, float has %.2f%%", what, got, want);
    naru_quantized_destroy(&q);
}

static void accuracy_is_kept(void **state) {
    size_t live = mem_live_count();
    digits calib = load_digits("calib_x"), test = load_digits("test_x");
    naru_model *m = small_cnn();
    double want = accuracy_of(m, &test);
    naru_model_destroy(&m);
    assert_true(want > 98.5);
    for (int k = 0; k < 8; k++) {
        naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
        o.calibrator = (naru_calibrator)(k / 2);
        o.activation = k % 2 ? NARU_INT8 : NARU_UINT8;
        o.per_channel = k % 2;
        char what[40];
        snprintf(what, sizeof what, "calibrator %d, %s", k / 2, k % 2 ? "s8 by channel" : "u8");
        within_half_a_point(what, &o, &calib, &test, want);
    }
    for (int k = 0; k < 4; k++) {
        naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
        o.form = k < 2 ? NARU_QUANTIZE_DYNAMIC : NARU_QUANTIZE_WEIGHTS;
        o.weight_bits = k == 3 ? 4 : 8;
        o.per_channel = k == 1;
        within_half_a_point(k < 2 ? "dynamic" : "weights only", &o, NULL, &test, want);
    }
    drop_digits(&calib);
    drop_digits(&test);
    assert_int_equal(mem_live_count(), live);
}

/* ONNX Runtime's quantizer, by extremes of the same data: the same logits but for one step of the last quantization
 * here and there (float extremes differ in their last bits). */
static void answers_as_onnx_runtimes(void **state) {
    digits calib = load_digits("calib_x"), test = load_digits("test_x");
    for (int s8 = 0; s8 < 2; s8++) {
        naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
        o.activation = s8 ? NARU_INT8 : NARU_UINT8;
        o.per_channel = s8;
        naru_tensor *want = load("quant/recorded.npz", s8 ? "logits_qdq_minmax_s8pc" : "logits_qdq_minmax_u8");
        naru_quantized *q = quantize(&o, &calib);
        float *got = logits_of(naru_quantized_model(q), "engine", &test, SIZE_MAX);
        int64_t other = 0, n = naru_tensor_count(want);
        assert_int_equal(n, test.count * CLASSES);
        for (int64_t i = 0; i < n; i++) {
            double d = fabs(got[i] - naru_tensor_get(want, i));
            other += d > 0.01;
            if (d > 0.34) fail_msg("logit %lld: %g, recorded %g", (long long)i, got[i], naru_tensor_get(want, i));
        }
        assert_true(other < n / 50);
        free(got);
        naru_quantized_destroy(&q);
        naru_tensor_destroy(&want);
    }
    drop_digits(&calib);
    drop_digits(&test);
}

static void reference_evaluator_agrees(void **state) {
    digits calib = load_digits("calib_x"), test = load_digits("test_x");
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    naru_quantized *q = quantize(&o, &calib);
    float *a = logits_of(naru_quantized_model(q), "engine", &test, 1);
    float *b = logits_of(naru_quantized_model(q), "reference", &test, 1);
    for (int i = 0; i < BATCH; i++) assert_int_equal(class_of(a + i * CLASSES), class_of(b + i * CLASSES));
    free(a);
    free(b);
    naru_quantized_destroy(&q);
    drop_digits(&calib);
    drop_digits(&test);
}

/* Every range shows in the model: reversed batches must give the same layers to the last bit. */
static void order_is_nothing(void **state) {
    digits calib = load_digits("calib_x");
    calib.count = 70; /* a short last batch, which comes first when reversed */
    for (int k = 0; k <= NARU_CALIBRATOR_MSE; k++) {
        naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
        o.calibrator = (naru_calibrator)k;
        char *text[2];
        for (int r = 0; r < 2; r++) {
            calib.reversed = r;
            naru_quantized *q = quantize(&o, &calib);
            assert_int_equal(naru_model_print(naru_quantized_model(q), &text[r], NULL), NARU_OK);
            naru_quantized_destroy(&q);
        }
        assert_string_equal(text[0], text[1]);
        naru_text_free(&text[0]);
        naru_text_free(&text[1]);
    }
    drop_digits(&calib);
}

static void targets_take_layers_back(void **state) {
    digits test = load_digits("test_x");
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    naru_quantized_info all = {.size = sizeof all}, some = {.size = sizeof some};
    o.report = true;
    naru_quantized *q = quantize(&o, &test);
    naru_quantized_get_info(q, &all);
    assert_true(all.compared && all.met && all.kept == 0 && all.layers == 4 && all.sqnr > 20 && all.sqnr < 60);
    naru_quantized_layer l = {.size = sizeof l};
    for (size_t i = 0; naru_quantized_get_layer(q, i, &l) == NARU_OK; i++) assert_true(l.quantized && l.sqnr > 20);
    naru_quantized_destroy(&q);
    o.target_sqnr = all.sqnr + 3;
    q = quantize(&o, &test);
    naru_quantized_get_info(q, &some);
    assert_true(some.met && some.kept > 0 && some.kept < 4 && some.sqnr >= o.target_sqnr);
    naru_quantized_destroy(&q);
    o.target_sqnr = 0;
    o.labels = test.y;
    o.max_loss = 0;
    q = quantize(&o, &test);
    naru_quantized_get_info(q, &some);
    assert_true(some.met && some.accuracy >= some.accuracy_float);
    naru_quantized_destroy(&q);
    drop_digits(&test);
}

static char *text_by_samples(const char *path, int64_t size) {
    naru_error err = NARU_ERROR_INIT;
    naru_samples s;
    naru_quantized *q = NULL;
    naru_model *m = small_cnn();
    char *text = NULL;
    OK(naru_samples_open(path, m, size, &s, &err));
    assert_int_equal(naru_samples_count(&s), 96);
    OK(naru_quantize(m, NULL, &s, &q, NULL, &err));
    OK(naru_model_print(naru_quantized_model(q), &text, &err));
    naru_quantized_destroy(&q);
    naru_samples_close(&s);
    naru_model_destroy(&m);
    return text;
}

/* A folder holds the same as an archive, and the size of batches is nothing either. */
static void samples_from_archive_and_folder(void **state) {
    char folder[] = "/tmp/naru-samples-XXXXXX", file[64];
    naru_error err = NARU_ERROR_INIT;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/input.npy", folder);
    naru_tensor *t = load("quant/samples.npz", "input");
    OK(naru_tensor_save(t, file, &err));
    naru_tensor_destroy(&t);
    char *a = text_by_samples(NARU_TEST_DATA "/quant/samples.npz", 0), *b = text_by_samples(folder, 7);
    assert_string_equal(a, b);
    naru_text_free(&a);
    naru_text_free(&b);
    remove(file);
    rmdir(folder);
}

static void failing_samples_are_told(void **state) {
    digits calib = load_digits("calib_x");
    naru_quantize_options o = NARU_QUANTIZE_OPTIONS_INIT;
    naru_model *m = small_cnn();
    naru_samples s = {sizeof s, batch, &calib};
    naru_quantized *q = NULL;
    naru_error err = NARU_ERROR_INIT;
    calib.fail_at = 2;
    assert_int_equal(naru_quantize(m, &o, &s, &q, NULL, &err), NARU_IO);
    calib.fail_at = -1;
    calib.count = 0;
    assert_int_equal(naru_quantize(m, &o, &s, &q, NULL, &err), NARU_INVALID_ARGUMENT);
    assert_int_equal(naru_quantize(m, &o, NULL, &q, NULL, &err), NARU_INVALID_ARGUMENT);
    o.activation = NARU_INT16;
    assert_int_equal(naru_quantize(m, &o, &s, &q, NULL, &err), NARU_INVALID_ARGUMENT);
    assert_null(q);
    naru_model_destroy(&m);
    drop_digits(&calib);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accuracy_is_kept),           cmocka_unit_test(answers_as_onnx_runtimes),
        cmocka_unit_test(reference_evaluator_agrees), cmocka_unit_test(order_is_nothing),
        cmocka_unit_test(targets_take_layers_back),   cmocka_unit_test(samples_from_archive_and_folder),
        cmocka_unit_test(failing_samples_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
