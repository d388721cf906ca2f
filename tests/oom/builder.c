/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for every n: building with timing and cache, saving, loading, contexts with addresses and
 * on a stream. Every failure says OUT_OF_MEMORY, crashes nowhere and leaks nothing.
 */
#include <unistd.h>

#include "build_calls.h"
#include "oom_sweep.h"

static char saved[] = "/tmp/naru_oom_plan_XXXXXX", cached[] = "/tmp/naru_oom_cache_XXXXXX";
static float *pixels;

static naru_status add_profiles(naru_builder_config *c, naru_error *err) {
    naru_profile *p = NULL;
    naru_status st = naru_profile_create(&p, err);
    for (int b = 0; b < 3 && st == NARU_OK; b++)
        st = naru_profile_set_dims(p, "input", (naru_select)b, 4, (int64_t[]){1, 3, 8 + 2 * b, 8 + 2 * b}, err);
    if (st == NARU_OK) st = naru_builder_config_add_profile(c, p, NULL, err);
    naru_profile_destroy(&p);
    return st;
}

static naru_status configure(naru_builder_config *c, naru_timing_cache *k, naru_error *err) {
    naru_options *o = NULL;
    naru_status st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK) st = naru_builder_config_set_options(c, o, err);
    if (st == NARU_OK) st = naru_builder_config_set_tactics(c, "+conv", err);
    if (st == NARU_OK) st = naru_builder_config_set_timing_runs(c, 1, err);
    if (st == NARU_OK) st = naru_builder_config_set_timing_cache(c, k, err);
    if (st == NARU_OK) st = add_profiles(c, err);
    naru_options_destroy(&o);
    return st;
}

static naru_status ask_precisions(naru_builder_config *c, naru_error *err) {
    naru_status st = naru_builder_config_set_flag(c, NARU_BUILD_FP16, true, err);
    if (st == NARU_OK) st = naru_builder_config_set_flag(c, NARU_BUILD_BF16, true, err);
    if (st == NARU_OK) st = naru_builder_config_set_accuracy(c, 1e-3, err);
    if (st == NARU_OK) st = naru_builder_config_set_constraints(c, NARU_CONSTRAINTS_PREFER, err);
    if (st == NARU_OK) st = naru_builder_config_set_layer_precision(c, "/conv*", NARU_PRECISION_BF16, err);
    if (st == NARU_OK)
        st = naru_builder_config_set_layer_output_types(c, "/head/Gemm", &(naru_dtype){NARU_FLOAT16}, 1, err);
    return st;
}

static naru_status build_and_save(naru_error *err) {
    naru_model *m = NULL;
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_timing_cache *k = NULL;
    naru_report *r = NULL;
    naru_engine *e = NULL;
    char *text = NULL;
    naru_status st = naru_model_load(SMALLCNN, NULL, &m, err);
    if (st == NARU_OK) st = naru_network_create(m, &n, err);
    if (st == NARU_OK) st = naru_builder_config_create(&c, err);
    if (st == NARU_OK) st = naru_timing_cache_create(&k, err);
    if (st == NARU_OK) st = naru_report_create(&r, err);
    if (st == NARU_OK) st = configure(c, k, err);
    if (st == NARU_OK) st = ask_precisions(c, err);
    if (st == NARU_OK) st = naru_build(n, c, &e, r, err);
    if (st == NARU_OK) st = naru_engine_inspect(e, NARU_INSPECT_JSON, &text, err);
    if (st == NARU_OK) st = naru_timing_cache_save(k, cached, err);
    if (st == NARU_OK) st = naru_timing_cache_load(k, cached, err);
    if (st == NARU_OK) st = naru_engine_save(e, saved, err);
    naru_text_free(&text);
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
    naru_timing_cache_destroy(&k);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    return st;
}

static naru_status one_batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    naru_tensor *t = NULL;
    if (index) return NARU_NOT_FOUND;
    naru_status st = naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){1, 3, 8, 8}, &t, err);
    if (st == NARU_OK) memcpy(naru_tensor_data(t), pixels, 3 * 8 * 8 * sizeof(float));
    if (st == NARU_OK) st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

static naru_status no_cache(void *user, const void **data, size_t *size, naru_error *err) { return NARU_NOT_FOUND; }
static naru_status keep_nothing(void *user, const void *data, size_t size, naru_error *err) { return NARU_OK; }

static naru_status calibrate_and_build(naru_error *err) {
    static const naru_calibration with = {
        .size = sizeof with, .samples = {0, one_batch, NULL}, .read_cache = no_cache, .write_cache = keep_nothing};
    naru_model *m = NULL;
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_report *r = NULL;
    naru_engine *e = NULL;
    naru_status st = naru_model_load(SMALLCNN, NULL, &m, err);
    if (st == NARU_OK) st = naru_network_create(m, &n, err);
    if (st == NARU_OK) st = naru_builder_config_create(&c, err);
    if (st == NARU_OK) st = naru_report_create(&r, err);
    if (st == NARU_OK) st = configure(c, NULL, err);
    if (st == NARU_OK) st = naru_builder_config_set_level(c, 0, err);
    if (st == NARU_OK) st = naru_builder_config_set_flag(c, NARU_BUILD_INT8, true, err);
    if (st == NARU_OK) st = naru_builder_config_set_calibrator(c, &with, err);
    if (st == NARU_OK) st = naru_builder_config_set_dynamic_range(c, "input", 0, 1, err);
    if (st == NARU_OK) st = naru_build(n, c, &e, r, err);
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    return st;
}

static naru_status run_on_stream(naru_context *c, naru_error *err) {
    naru_stream *s = NULL;
    naru_event *e = NULL;
    naru_status st = naru_stream_create(&s, err);
    if (st == NARU_OK) st = naru_event_create(&e, err);
    if (st == NARU_OK) st = naru_context_enqueue(c, s, err);
    if (st == NARU_OK) st = naru_event_record(e, s, err);
    if (st == NARU_OK) st = naru_stream_synchronize(s, err);
    naru_event_destroy(&e);
    naru_stream_destroy(&s);
    return st;
}

static naru_status load_with(const char *cpu, naru_error *err) {
    naru_options *o = NULL;
    naru_engine *e = NULL;
    naru_context *c = NULL;
    naru_value *v;
    float out[10];
    naru_status st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK && *cpu) st = naru_options_set(o, "cpu", cpu, err);
    if (st == NARU_OK) st = naru_engine_load(saved, NULL, o, &e, NULL, err);
    if (st == NARU_OK) st = naru_context_create(e, &c, err);
    if (st == NARU_OK) st = run_cnn(c, 1, 10, pixels, out, err);
    if (st == NARU_OK) st = naru_context_set_address(c, "logits", NULL, 0, err);
    if (st == NARU_OK) st = naru_context_run(c, err);
    if (st == NARU_OK) st = naru_context_output(c, "logits", &v, err);
    if (st == NARU_OK) st = run_on_stream(c, err);
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
    return st;
}

static naru_status load_and_run(naru_error *err) { return load_with("", err); }
static naru_status rebuild_and_run(naru_error *err) { return load_with("ref", err); }

static void building(void **state) { sweep_plain("building", build_and_save, 700); }
static void calibrating(void **state) { sweep_plain("calibrating", calibrate_and_build, 700); }
static void loading(void **state) { sweep_plain("loading", load_and_run, 700); }
static void rebuilding(void **state) { sweep_plain("rebuilding", rebuild_and_run, 100); }

static int begin(void **state) {
    pixels = random_floats(3 * 10 * 10, 1);
    int a = mkstemp(saved), b = mkstemp(cached);
    if (a >= 0) close(a);
    if (b >= 0) close(b);
    return failing_start() != NARU_OK;
}
static int end(void **state) {
    free(pixels);
    unlink(cached);
    return unlink(saved);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(building), cmocka_unit_test(calibrating),
                                       cmocka_unit_test(loading), cmocka_unit_test(rebuilding)};
    return cmocka_run_group_tests(tests, begin, end);
}
