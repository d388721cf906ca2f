/* SPDX-License-Identifier: MIT
 *
 * INT8 by calibration inside a build, on the trained SmallCNN: accuracy by every calibrator at every CPU level, the
 * cache both ways, ranges given by hand, and everything that must be told: caches that do not fit, builds without data.
 */
#include <math.h>

#include "base/cpu.h"
#include "build_calls.h"

#include "digits.h"

enum { PLAIN_DIGITS = 50 };
#define QDQ NARU_TEST_DATA "/quant/smallcnn_qdq_minmax_u8.onnx"

/* ---- data ---- */
static naru_tensor *load(const char *key) {
    char path[1000];
    naru_tensor *t;
    snprintf(path, sizeof path, NARU_TEST_DATA "/smallcnn/digits.npz:%s", key);
    OK(naru_tensor_load(path, &t, &err));
    return t;
}

/* ---- a cache in memory ---- */
typedef struct cache {
    char text[2000];
    size_t size;
    bool there;
    int reads, writes;
} cache;

static naru_status read_cache(void *user, const void **data, size_t *size, naru_error *err) {
    cache *c = user;
    c->reads++;
    *data = c->text;
    *size = c->size;
    return c->there ? NARU_OK : NARU_NOT_FOUND;
}

static naru_status write_cache(void *user, const void *data, size_t size, naru_error *err) {
    cache *c = user;
    c->writes++;
    assert_true(size < sizeof c->text);
    memcpy(c->text, data, size);
    c->text[size] = 0;
    c->size = size;
    c->there = true;
    return NARU_OK;
}

static cache cache_of(const char *text) {
    cache c = {.size = strlen(text), .there = true};
    memcpy(c.text, text, c.size + 1);
    return c;
}

/* ---- building ---- */
static naru_builder_config *int8_config_of(const char *cpu, const naru_calibration *with) {
    naru_builder_config *c = config_of(1, "2", cpu);
    naru_profile *p;
    OK(naru_profile_create(&p, &err));
    for (int b = 0; b < 3; b++)
        OK(naru_profile_set_dims(p, "input", (naru_select)b, 4, (int64_t[]){b < 2 ? 1 : 500, 3, SIDE, SIDE}, &err));
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    naru_profile_destroy(&p);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, true, &err));
    if (with) OK(naru_builder_config_set_calibrator(c, with, &err));
    return c;
}

static naru_status build_by(const char *path, naru_builder_config *c, naru_engine **out, naru_report *r,
                            naru_error *err) {
    naru_network *n = open_network(path);
    naru_status st = naru_build(n, c, out, r, err);
    naru_network_destroy(&n);
    naru_builder_config_destroy(&c);
    return st;
}

static naru_engine *build_one(naru_builder_config *c, naru_report *r) {
    naru_engine *e = NULL;
    OK(build_by(SMALLCNN, c, &e, r, &err));
    return e;
}

static void plan_of(const naru_engine *e, void **data, size_t *size) {
    static char path[] = "/tmp/naru-int8-plan";
    OK(naru_engine_save(e, path, &err));
    FILE *f = fopen(path, "rb");
    *data = malloc(1 << 20);
    *size = fread(*data, 1, 1 << 20, f);
    fclose(f);
    remove(path);
}

static int layers_by(const naru_engine *e, const char *tactic) {
    naru_layer l = {.size = sizeof l};
    int n = 0;
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) n += strncmp(l.tactic, tactic, strlen(tactic)) == 0;
    return n;
}

static bool told(const naru_report *r, naru_severity severity, const char *text) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++)
        if (f.severity == severity && strstr(f.message, text)) return true;
    return false;
}

/* ---- accuracy ---- */
static void run_digits(const naru_engine *e, const naru_tensor *x, float *logits) {
    naru_context *c;
    int64_t n = naru_tensor_dims(x)[0];
    OK(naru_context_create((naru_engine *)e, &c, &err));
    OK(naru_context_set_input_shape(c, "input", 4, naru_tensor_dims(x), &err));
    OK(naru_context_set_address(c, "input", naru_tensor_data(x), naru_tensor_nbytes(x), &err));
    OK(naru_context_set_address(c, "logits", logits, (size_t)n * CLASSES * 4, &err));
    OK(naru_context_run(c, &err));
    naru_context_destroy(&c);
}

static double accuracy(const naru_engine *e, const naru_tensor *x, const naru_tensor *labels) {
    static float logits[500 * CLASSES];
    int64_t n = naru_tensor_dims(x)[0], right = 0;
    run_digits(e, x, logits);
    for (int64_t i = 0; i < n; i++) {
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            if (logits[i * CLASSES + k] > logits[i * CLASSES + best]) best = k;
        right += best == (int)naru_tensor_get(labels, i);
    }
    return 100.0 * (double)right / (double)n;
}

static void loses_half_a_point(int level, naru_tensor *calib, const naru_tensor *x, const naru_tensor *labels,
                               double want) {
    for (int k = 0; k <= NARU_CALIBRATOR_MSE; k++) {
        naru_calibration with = {.size = sizeof with, .algorithm = (naru_calibrator)k, .samples = {0, batch, calib}};
        naru_engine *e = build_one(int8_config_of(cpu_level_name((cpu_level)level), &with), NULL);
        assert_int_equal(layers_by(e, "q"), 5); /* three products, two Q: none is float, none is the reference's */
        double got = accuracy(e, x, labels);
        if (got < want - 0.5)
            fail_msg("calibrator %d at %s: %.2f%%, FP32 has %.2f%%", k, cpu_level_name((cpu_level)level), got, want);
        naru_engine_destroy(&e);
    }
}

static void accuracy_is_kept(void **state) {
    naru_tensor *calib = load("calib_x"), *test = load("test_x"), *labels = load("test_y");
    naru_tensor *x = images(test, 0, 500), *few = images(test, 0, PLAIN_DIGITS);
    naru_builder_config *c = int8_config_of(NULL, NULL);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, false, &err));
    naru_engine *e = build_one(c, NULL);
    double want = accuracy(e, x, labels), want_few = accuracy(e, few, labels);
    assert_true(want > 98.5);
    for (int level = 0; level <= (int)cpu_best(); level++)
        loses_half_a_point(level, calib, level ? x : few, labels, level ? want : want_few);
    naru_engine_destroy(&e);
    naru_tensor_destroy(&calib);
    naru_tensor_destroy(&test);
    naru_tensor_destroy(&labels);
    naru_tensor_destroy(&x);
    naru_tensor_destroy(&few);
}

/* ---- the cache ---- */
static void cache_gives_the_same_plan(void **state) {
    naru_tensor *calib = load("calib_x");
    for (int k = 0; k <= NARU_CALIBRATOR_MSE; k++) {
        cache mine = {0};
        naru_calibration with = {.size = sizeof with,
                                 .algorithm = (naru_calibrator)k,
                                 .samples = {0, batch, calib},
                                 .read_cache = read_cache,
                                 .write_cache = write_cache,
                                 .user = &mine};
        void *plan[2];
        size_t size[2];
        for (int r = 0; r < 2; r++) {
            naru_engine *e = build_one(int8_config_of(NULL, &with), NULL);
            plan_of(e, &plan[r], &size[r]);
            naru_engine_destroy(&e);
            with.samples.batch = NULL;
        }
        assert_true(mine.reads == 2 && mine.writes == 1);
        assert_non_null(strstr(mine.text, "\ninput: "));
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(plan[0], plan[1], size[0]);
        free(plan[0]);
        free(plan[1]);
    }
    naru_tensor_destroy(&calib);
}

static void by_cache(const char *text, bool samples, naru_engine **e, naru_report *r, naru_error *err) {
    cache c = cache_of(text);
    naru_tensor *calib = load("calib_x");
    naru_calibration with = {.size = sizeof with,
                             .any_cache = !samples,
                             .samples = {0, samples ? batch : NULL, calib},
                             .read_cache = read_cache,
                             .write_cache = write_cache,
                             .user = &c};
    err->code = build_by(SMALLCNN, int8_config_of(NULL, &with), e, r, err);
    naru_tensor_destroy(&calib);
}

static void refuses(const char *text, naru_status code, const char *why) {
    naru_engine *e = NULL;
    naru_error err = NARU_ERROR_INIT;
    by_cache(text, false, &e, NULL, &err);
    assert_null(e);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, why)) fail_msg("says: %s", err.message);
}

static void bad_caches_are_told(void **state) {
    refuses("", NARU_BAD_FILE, "the calibration cache: the calibration cache is empty");
    refuses("TRT-8600-EntropyCalibration2\n", NARU_BAD_FILE, "has no tensors");
    refuses("junk\ninput: 3c010a14\n", NARU_BAD_FILE, "line 1");
    refuses("TRT-8600-EntropyCalibration2\ninput: 3c010a14\nx: 12\n", NARU_BAD_FILE, "line 3");
    refuses("TRT-8600-EntropyCalibration2\ndata: 3c010a14\n", NARU_MISMATCH,
            "of another network: of the tensors that INT8 wants a range for ('input' and 3 more)");
}

static void cache_that_lacks_a_tensor(void **state) {
    naru_engine *e = NULL;
    naru_report *r;
    naru_error none = NARU_ERROR_INIT;
    OK(naru_report_create(&r, &err));
    by_cache("TRT-8600-EntropyCalibration2\n/Relu_output_0: 3cc7017b\n", false, &e, r, &none);
    assert_int_equal(none.code, NARU_OK);
    assert_true(
        told(r, NARU_SEVERITY_WARNING, "the calibration cache lacks 'input', '/Relu_1_output_0', '/Flatten_output_0'"));
    assert_true(told(r, NARU_SEVERITY_NOTE, "1 of 3 layers"));
    assert_int_equal(layers_by(e, "qproduct"), 1);
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
}

static void cache_of_another_algorithm(void **state) {
    static const char text[] = "TRT-8600-MinMaxCalibration\ninput: 3c010a14\n";
    naru_engine *e = NULL;
    naru_report *r;
    naru_error none = NARU_ERROR_INIT;
    OK(naru_report_create(&r, &err));
    by_cache(text, true, &e, r, &none);
    assert_int_equal(none.code, NARU_OK);
    assert_true(told(r, NARU_SEVERITY_WARNING, "made by another algorithm"));
    assert_true(told(r, NARU_SEVERITY_NOTE, "3 of 3 layers"));
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
    cache c = cache_of(text);
    naru_calibration with = {.size = sizeof with, .read_cache = read_cache, .user = &c};
    REFUSES(build_by(SMALLCNN, int8_config_of(NULL, &with), &e, NULL, &err), "there is no data to calibrate with");
}

/* ---- without data ---- */
static void nothing_given_is_told(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    cache c = {0};
    naru_calibration with = {.size = sizeof with, .read_cache = read_cache, .write_cache = write_cache, .user = &c};
    naru_engine *e = build_one(int8_config_of(NULL, &with), r);
    assert_true(told(r, NARU_SEVERITY_WARNING, "INT8 without calibration: ranges are those of random inputs"));
    assert_int_equal(layers_by(e, "qproduct"), 3);
    assert_int_equal(c.writes, 0); /* what chance gave is not kept */
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
}

static void ranges_by_hand(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    naru_builder_config *c = int8_config_of(NULL, NULL);
    OK(naru_builder_config_set_dynamic_range(c, "input", 0, 1, &err));
    OK(naru_builder_config_set_dynamic_range(c, "/Relu_output_0", -4, 4, &err));
    REFUSES(naru_builder_config_set_dynamic_range(c, "input", 1, 0, &err), "the range of 'input' is 1 to 0");
    REFUSES(naru_builder_config_set_dynamic_range(c, "input", 0, INFINITY, &err), "the range of 'input'");
    naru_engine *e = build_one(c, r);
    assert_true(told(r, NARU_SEVERITY_WARNING, "no range was given for '/Relu_1_output_0', '/Flatten_output_0'"));
    assert_int_equal(layers_by(e, "qproduct"), 2);
    naru_tensor *test = load("test_x"), *labels = load("test_y"), *x = images(test, 0, 500);
    assert_true(accuracy(e, x, labels) > 98);
    naru_engine_destroy(&e);
    c = int8_config_of(NULL, NULL);
    OK(naru_builder_config_set_dynamic_range(c, "inptu", 0, 1, &err));
    REFUSES(build_by(SMALLCNN, c, &e, NULL, &err), "'inptu': the network has no such tensor");
    naru_tensor_destroy(&test);
    naru_tensor_destroy(&labels);
    naru_tensor_destroy(&x);
    naru_report_destroy(&r);
}

/* ---- other ways ---- */
static void explicit_networks_are_left_alone(void **state) {
    naru_report *r;
    naru_engine *e = NULL;
    cache c = {0};
    naru_calibration with = {.size = sizeof with, .read_cache = read_cache, .user = &c};
    OK(naru_report_create(&r, &err));
    OK(build_by(QDQ, int8_config_of(NULL, &with), &e, r, &err));
    assert_true(told(r, NARU_SEVERITY_NOTE, "the network has Q/DQ nodes"));
    assert_int_equal(c.reads, 0);
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
}

static void calibrators_are_checked(void **state) {
    naru_builder_config *c = int8_config_of(NULL, NULL);
    REFUSES(naru_builder_config_set_calibrator(NULL, NULL, &err), "NULL");
    naru_calibration bad = {.size = sizeof bad, .percentile = 101};
    REFUSES(naru_builder_config_set_calibrator(c, &bad, &err), "percentile");
    bad = (naru_calibration){.size = sizeof bad, .algorithm = (naru_calibrator)9};
    REFUSES(naru_builder_config_set_calibrator(c, &bad, &err), "calibration algorithm");
    naru_builder_config_destroy(&c);
}

/* ---- layers that are asked to be higher ---- */
static void asked_layers_stay_high(void **state) {
    static const struct {
        const char *name;
        naru_precision precision;
        int products;
    } cases[] = {{"/conv1/Conv", NARU_PRECISION_FP32, 2}, {"/Relu", NARU_PRECISION_FP32, 2},
                 {"*conv*", NARU_PRECISION_FP32, 1},      {"/conv2/Conv", NARU_PRECISION_FP32, 2},
                 {"*", NARU_PRECISION_FP32, 0},           {"/conv1/Conv", NARU_PRECISION_INT8, 3}};
    naru_tensor *calib = load("calib_x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        naru_calibration with = {.size = sizeof with, .samples = {0, batch, calib}};
        naru_builder_config *c = int8_config_of(NULL, &with);
        OK(naru_builder_config_set_layer_precision(c, cases[i].name, cases[i].precision, &err));
        OK(naru_builder_config_set_constraints(c, NARU_CONSTRAINTS_OBEY, &err));
        naru_engine *e = build_one(c, NULL); /* fails where a layer is not what was asked */
        if (layers_by(e, "qproduct") != cases[i].products)
            fail_msg("%s: %d layers in INT8", cases[i].name, layers_by(e, "qproduct"));
        naru_engine_destroy(&e);
    }
    naru_tensor_destroy(&calib);
}

/* ---- a limit of the error ---- */
static int products_within(double limit, naru_tensor *calib, cache *c, naru_report *r) {
    naru_calibration with = {.size = sizeof with,
                             .samples = {0, c->there ? NULL : batch, calib},
                             .read_cache = read_cache,
                             .write_cache = write_cache,
                             .user = c};
    naru_builder_config *config = int8_config_of(NULL, &with);
    naru_samples errors = {0, batch, calib};
    OK(naru_builder_config_set_accuracy(config, limit, &err));
    OK(naru_builder_config_set_samples(config, &errors, &err));
    naru_engine *e = build_one(config, r);
    int n = layers_by(e, "qproduct");
    naru_engine_destroy(&e);
    return n;
}

static void a_limit_takes_layers_back(void **state) {
    naru_tensor *calib = load("calib_x");
    naru_report *r;
    cache c = {0};
    OK(naru_report_create(&r, &err));
    assert_int_equal(products_within(5, calib, &c, r), 3);
    assert_true(told(r, NARU_SEVERITY_NOTE, "INT8: the outputs' error is 0.0") &&
                told(r, NARU_SEVERITY_NOTE, "(limit 5)"));
    c = (cache){0};
    assert_int_equal(products_within(0.1, calib, &c, r), 3);
    assert_true(told(r, NARU_SEVERITY_NOTE, "INT8: the outputs' error is 0.0"));
    assert_false(told(r, NARU_SEVERITY_NOTE, "stays in FP32"));
    int some = products_within(0.006, calib, &c, r); /* by the cache now: samples only measure */
    assert_true(some > 0 && some < 3);
    assert_true(told(r, NARU_SEVERITY_NOTE, "in FP32, for the outputs' error was above the limit of 0.006"));
    assert_int_equal(products_within(1e-7, calib, &c, r), 0);
    assert_int_equal(c.writes, 1);
    naru_report_destroy(&r);
    naru_tensor_destroy(&calib);
}

/* A plan of another CPU level builds itself anew from the quantized network inside: no data is needed. */
static void plan_rebuilds_without_data(void **state) {
    static char path[] = "/tmp/naru-int8-rebuild";
    naru_tensor *calib = load("calib_x"), *test = load("test_x"), *x = images(test, 0, 10);
    naru_calibration with = {.size = sizeof with, .samples = {0, batch, calib}};
    naru_engine *e = build_one(int8_config_of(NULL, &with), NULL), *again;
    naru_options *o = options_of("2", "ref");
    float a[10 * CLASSES], b[10 * CLASSES];
    OK(naru_engine_save(e, path, &err));
    OK(naru_engine_load(path, NULL, o, &again, NULL, &err));
    run_digits(e, x, a);
    run_digits(again, x, b);
    for (int i = 0; i < 10 * CLASSES; i++) assert_true(fabsf(a[i] - b[i]) < 1e-3f);
    assert_int_equal(layers_by(again, "qproduct"), 3);
    remove(path);
    naru_options_destroy(&o);
    naru_engine_destroy(&e);
    naru_engine_destroy(&again);
    naru_tensor_destroy(&calib);
    naru_tensor_destroy(&test);
    naru_tensor_destroy(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(accuracy_is_kept),
                                       cmocka_unit_test(cache_gives_the_same_plan),
                                       cmocka_unit_test(bad_caches_are_told),
                                       cmocka_unit_test(cache_that_lacks_a_tensor),
                                       cmocka_unit_test(cache_of_another_algorithm),
                                       cmocka_unit_test(nothing_given_is_told),
                                       cmocka_unit_test(ranges_by_hand),
                                       cmocka_unit_test(explicit_networks_are_left_alone),
                                       cmocka_unit_test(calibrators_are_checked),
                                       cmocka_unit_test(asked_layers_stay_high),
                                       cmocka_unit_test(a_limit_takes_layers_back),
                                       cmocka_unit_test(plan_rebuilds_without_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
