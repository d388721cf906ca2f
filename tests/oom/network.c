/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for every n: networks made op by op and extended, refits, plans without weights, and what
 * contexts and engines are asked. Every failure says OUT_OF_MEMORY, crashes nowhere and leaks nothing.
 */
#include "two_tactics.h"
#include "oom_sweep.h"

#define main lenet_main
#define run  run_lenet
#include "../../examples/lenet.c"
#undef run
#undef main

#define NEXT(call)                                                                                                     \
    do {                                                                                                               \
        if (st == NARU_OK) st = (call);                                                                                \
    } while (0)

static char saved[] = "/tmp/naru_oom_net_XXXXXX", stripped[] = "/tmp/naru_oom_strip_XXXXXX",
            both[] = "/tmp/naru_oom_both_XXXXXX";
static naru_model *same, *other; /* LeNet, and with other weights; made before anything fails */
static float *pixels;

static naru_status configure(naru_builder_config *c, bool profile, naru_error *err) {
    naru_options *o = NULL;
    naru_status st = naru_options_create(&o, err);
    NEXT(naru_options_set(o, "threads", "1", err));
    NEXT(naru_builder_config_set_options(c, o, err));
    NEXT(naru_builder_config_set_level(c, 0, err));
    if (profile) NEXT(add_profile(c, err));
    naru_options_destroy(&o);
    return st;
}

/* ---- op by op ---- */
static naru_status add_branches(naru_network *n, naru_network_tensor *x, naru_error *err) {
    naru_network_tensor *c, *y;
    naru_network_body *b[2];
    naru_status st = naru_network_add_weights(n, "yes", NARU_BOOL, 0, NULL, (bool[]){true}, &c, err);
    for (int i = 0; i < 2; i++) {
        NEXT(naru_network_begin_body(n, &b[i], err));
        NEXT(naru_network_add_activation(n, NULL, i ? NARU_TANH : NARU_SOFTPLUS, x, 2, 3, &y, err));
        NEXT(naru_network_end_body(n, b[i], 1, i ? &x : &y, err));
    }
    naru_attribute a[2] = {0};
    if (st == NARU_OK) {
        a[0] = naru_attribute_body("then_branch", b[0]);
        a[1] = naru_attribute_body("else_branch", b[1]);
    }
    NEXT(naru_network_add(n, "If", "", "if", 1, &c, 2, a, 1, &y, err));
    NEXT(naru_network_mark_output(n, y, err));
    NEXT(naru_network_tensor_set_name(n, y, "chosen", err));
    return st;
}

static naru_status add_some(naru_network *n, naru_network_tensor *x, naru_error *err) {
    naru_network_tensor *y;
    naru_tensor *t = NULL;
    naru_attribute a = naru_attribute_of("value", NARU_ATTRIBUTE_TENSOR);
    naru_status st = naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){1}, &t, err);
    a.tensor = t;
    NEXT(naru_network_add_shuffle(n, "shuffle", x, (int[]){1, 0}, 2, (int64_t[]){-1, 5}, (int[]){1, 0}, &y, err));
    NEXT(naru_network_add_scale(n, "scale", y, -1, t, t, t, &y, err));
    NEXT(naru_network_add_reduce(n, "sum", NARU_REDUCE_SUM, y, 1, (int64_t[]){0}, true, &y, err));
    NEXT(naru_network_add_unary(n, "shape", NARU_ABS, y, &y, err));
    NEXT(naru_network_add(n, "Shape", "", NULL, 1, &y, 0, NULL, 1, &y, err));
    NEXT(naru_network_add(n, "ConstantOfShape", "", NULL, 1, &y, 1, &a, 1, &y, err));
    NEXT(naru_network_mark_output(n, y, err));
    naru_tensor_destroy(&t);
    return st;
}

static naru_status ask(const naru_network *n, naru_error *err) {
    naru_port p = {.size = sizeof p};
    naru_profile *f = NULL;
    naru_status st = NARU_OK;
    for (size_t i = 0; i < naru_network_layers(n); i++)
        NEXT(naru_network_tensor_get(n, naru_network_layer_output(naru_network_layer_at(n, i), 0), &p));
    NEXT(naru_network_input(n, 0, &p));
    NEXT(naru_network_output(n, 0, &p));
    NEXT(naru_profile_create(&f, err));
    for (int b = 0; b < 3; b++)
        NEXT(naru_profile_set_dims(f, "picture", (naru_select)b, 4, (int64_t[]){1, 1, SIDE, SIDE}, err));
    NEXT(naru_profile_check(f, n, err));
    naru_profile_destroy(&f);
    return st;
}

static naru_status make_and_build(naru_error *err) {
    naru_network *n = NULL;
    naru_builder_config *c = NULL;
    naru_engine *e = NULL;
    naru_status st = make_lenet(1, &n, err);
    NEXT(add_branches(n, naru_network_find_tensor(n, "classes"), err));
    NEXT(add_some(n, naru_network_find_tensor(n, "classes"), err));
    NEXT(ask(n, err));
    NEXT(naru_builder_config_create(&c, err));
    NEXT(configure(c, true, err));
    NEXT(naru_build(n, c, &e, NULL, err));
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return st;
}

static naru_status extend(naru_error *err) {
    naru_network *n = NULL;
    naru_network_tensor *y;
    naru_report *r = NULL;
    naru_status st = naru_report_create(&r, err);
    NEXT(naru_network_create(same, &n, err));
    if (st == NARU_OK) { /* a failure leaves it as it was: the second try must do */
        st = naru_network_extend(n, r, err);
        if (st == NARU_OUT_OF_MEMORY) naru_network_extend(n, NULL, NULL);
    }
    NEXT(naru_network_add_softmax(n, "more", naru_network_find_tensor(n, "classes"), 1, &y, err));
    NEXT(naru_network_mark_output(n, y, err));
    NEXT(naru_network_save(n, "/dev/null", err));
    naru_network_destroy(&n);
    naru_report_destroy(&r);
    return st;
}

/* ---- refit ---- */
static naru_status load(const char *path, const naru_model *m, naru_engine **out, naru_error *err) {
    naru_options *o = NULL;
    naru_status st = naru_options_create(&o, err);
    NEXT(naru_options_set(o, "threads", "1", err));
    NEXT(naru_engine_load(path, m, o, out, NULL, err));
    naru_options_destroy(&o);
    return st;
}

static naru_status change(naru_refitter *r, naru_error *err) {
    naru_tensor *t = NULL;
    naru_weight w = {.size = sizeof w};
    naru_status st = naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){10}, &t, err);
    NEXT(naru_refitter_set(r, "fc3.bias", t, err));
    NEXT(naru_refitter_weight(r, 0, &w));
    naru_tensor_destroy(&t);
    return st;
}

static void changed_only_by_success(naru_engine *e, const float *before, naru_status st) {
    long left = failing_stop();
    float after[CLASSES];
    OK(run_lenet(e, pixels, after, &err));
    assert_int_equal(memcmp(before, after, sizeof after) != 0, st == NARU_OK);
    failing_at(left, false);
}

static naru_status refit_and_run(naru_error *err) {
    naru_engine *e = NULL;
    naru_refitter *r = NULL;
    float before[CLASSES];
    naru_status st = load(saved, NULL, &e, err);
    NEXT(run_lenet(e, pixels, before, err));
    NEXT(naru_refitter_create(e, &r, err));
    NEXT(naru_refitter_set_from_model(r, other, err));
    NEXT(change(r, err));
    if (st == NARU_OK) {
        st = naru_refitter_refit(r, NULL, err);
        changed_only_by_success(e, before, st);
    }
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
    return st;
}

static naru_status load_stripped(naru_error *err) {
    naru_engine *e = NULL;
    float out[CLASSES];
    naru_status st = load(stripped, other, &e, err);
    NEXT(run_lenet(e, pixels, out, err));
    naru_engine_destroy(&e);
    return st;
}

/* ---- a plan whose profiles have tactics of their own ---- */
static naru_status load_variants(naru_error *err) {
    naru_engine *e = NULL;
    naru_context *c = NULL;
    float out[10];
    naru_status st = load(both, NULL, &e, err);
    NEXT(naru_context_create(e, &c, err));
    NEXT(run_cnn(c, 1, SMALL, pixels, out, err));
    NEXT(run_cnn(c, 1, LARGE, pixels, out, err));
    naru_context_destroy(&c);
    naru_engine_destroy(&e);
    return st;
}

/* ---- what else there is to ask ---- */
static naru_status use_context(naru_engine *e, naru_error *err) {
    naru_context *c = NULL;
    naru_tensor *t = NULL;
    naru_value *v = NULL;
    int rank;
    size_t missing;
    int64_t dims[NARU_MAX_RANK];
    naru_status st = naru_context_create(e, &c, err);
    NEXT(naru_context_set_profile(c, 0, err));
    NEXT(naru_context_infer_shapes(c, &missing, err));
    NEXT(naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){2, 1, SIDE, SIDE}, &t, err));
    NEXT(naru_value_from_tensor(t, &v, err));
    NEXT(naru_context_set_input(c, "picture", v, err));
    NEXT(naru_context_infer_shapes(c, &missing, err));
    NEXT(naru_context_shape(c, "classes", &rank, dims, err));
    NEXT(naru_context_run(c, err));
    NEXT(naru_context_set_input_shape(c, "picture", 4, (int64_t[]){1, 1, SIDE, SIDE}, err));
    NEXT(naru_context_set_address(c, "picture", pixels, SIDE * SIDE * sizeof *pixels, err));
    NEXT(naru_context_run(c, err));
    naru_value_destroy(&v);
    naru_tensor_destroy(&t);
    naru_context_destroy(&c);
    return st;
}

static naru_status use_engine(naru_error *err) {
    naru_engine *e = NULL, *again = NULL;
    void *data = NULL;
    size_t size;
    char *text = NULL;
    int rank;
    int64_t dims[NARU_MAX_RANK];
    naru_status st = load(saved, NULL, &e, err);
    NEXT(naru_engine_profile_dims(e, 0, "picture", NARU_MAX, &rank, dims, err));
    NEXT(naru_engine_inspect(e, NARU_INSPECT_LINES, &text, err));
    NEXT(naru_engine_serialize(e, &data, &size, err));
    NEXT(naru_engine_load_memory(data, size, NULL, NULL, &again, NULL, err));
    NEXT(use_context(again, err));
    naru_text_free(&text);
    naru_engine_destroy(&again);
    naru_engine_data_free(&data);
    naru_engine_destroy(&e);
    return st;
}

static naru_status merge_caches(naru_error *err) {
    naru_timing_cache *a = NULL, *b = NULL;
    naru_builder_config *c = NULL;
    naru_network *n = NULL;
    naru_engine *e = NULL;
    naru_status st = naru_timing_cache_create(&a, err);
    NEXT(naru_timing_cache_create(&b, err));
    NEXT(naru_network_create(same, &n, err));
    NEXT(naru_builder_config_create(&c, err));
    NEXT(configure(c, true, err));
    NEXT(naru_builder_config_set_level(c, 3, err));
    NEXT(naru_builder_config_set_timing_runs(c, 1, err));
    NEXT(naru_builder_config_set_timing_cache(c, a, err));
    NEXT(naru_build(n, c, &e, NULL, err));
    NEXT(naru_timing_cache_merge(b, a, err));
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_timing_cache_destroy(&a);
    naru_timing_cache_destroy(&b);
    return st;
}

static void networks(void **state) { sweep_plain("op by op", make_and_build, 2500); }
static void extending(void **state) { sweep_plain("extending", extend, 2000); }
static void refitting(void **state) { sweep_plain("refitting", refit_and_run, 1500); }
static void stripped_plans(void **state) { sweep_plain("plans without weights", load_stripped, 1000); }
static void variants(void **state) { sweep_plain("tactics by profile", load_variants, 1500); }
static void engines(void **state) { sweep_plain("engines and contexts", use_engine, 1500); }
static void caches(void **state) { sweep_plain("timing caches", merge_caches, 300); }

/* ---- files that the sweeps read ---- */
static naru_model *model_of(const naru_network *n, const char *path) {
    naru_model *m;
    naru_options *o = options_of("1", NULL);
    OK(naru_options_set(o, "map", "0", &err));
    OK(naru_network_save(n, path, &err));
    OK(naru_model_load(path, o, &m, &err));
    naru_options_destroy(&o);
    return m;
}

static void save_plan(const naru_network *n, bool strip, const char *path) {
    naru_builder_config *c;
    naru_engine *e;
    OK(naru_builder_config_create(&c, &err));
    OK(configure(c, true, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_STRIP_WEIGHTS, strip, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_REFIT, strip, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    OK(naru_engine_save(e, path, &err));
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
}

static int begin(void **state) {
    naru_network *n;
    int a = mkstemp(saved), b = mkstemp(stripped), c = mkstemp(both);
    if (a >= 0) close(a);
    if (b >= 0) close(b);
    if (c >= 0) close(c);
    pixels = random_floats(3 * LARGE * LARGE, 1);
    if (failing_start() != NARU_OK) return 1;
    OK(make_lenet(2, &n, &err));
    other = model_of(n, saved);
    naru_network_destroy(&n);
    OK(make_lenet(1, &n, &err));
    same = model_of(n, saved);
    save_plan(n, false, saved);
    save_plan(n, true, stripped);
    naru_network_destroy(&n);
    naru_timing_cache *k = decided();
    naru_engine *e = build_with(k, false, 0, 1);
    OK(naru_engine_save(e, both, &err));
    naru_engine_destroy(&e);
    naru_timing_cache_destroy(&k);
    return 0;
}

static int end(void **state) {
    naru_model_destroy(&same);
    naru_model_destroy(&other);
    free(pixels);
    unlink(saved);
    unlink(both);
    return unlink(stripped);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),       cmocka_unit_test(extending), cmocka_unit_test(refitting),
        cmocka_unit_test(stripped_plans), cmocka_unit_test(engines),   cmocka_unit_test(variants),
        cmocka_unit_test(caches),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
