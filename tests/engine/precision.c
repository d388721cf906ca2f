/* SPDX-License-Identifier: MIT
 *
 * Lower precisions in the builder: limits on their error, of layers and of outputs, precisions asked of layers, plans
 * with lowered layers. The list of tactics is this program's own (its symbols go before the library's): the FP32 ones,
 * and lowered ones whose error is known because they scale what FP32 gives. At level 1 they are preferred, so that
 * nothing here depends on times.
 */
#include "build_calls.h"

#include <jansson.h>
#include <math.h>

#define tactic_count listed_count
#define tactic_at    listed_at
#include "tactics/tactic.c"
#undef tactic_count
#undef tactic_at

/* ---- tactics ---- */
static naru_status scaled(const run_ctx *r, naru_status (*run)(const run_ctx *r), float by) {
    TRY(run(r));
    float *y = r->out[0]->data;
    for (int64_t i = 0, n = tensor_count(r->out[0]); i < n; i++) y[i] *= by;
    return NARU_OK;
}

static naru_status run_conv(const run_ctx *r) { return scaled(r, tactic_fusedconv.run, 1.001f); }
static naru_status run_conv_overflow(const run_ctx *r) { return scaled(r, tactic_fusedconv.run, 1e38f); }
static naru_status run_gemm(const run_ctx *r) { return scaled(r, tactic_gemm.run, 1.02f); }
static naru_status run_gemm_half(const run_ctx *r) { return scaled(r, tactic_gemm.run, 1.003f); }

static tactic low[4];
enum { LOW = sizeof low / sizeof *low };

static void fill(tactic *t, const tactic *from, const char *name, tactic_precision p,
                 naru_status (*run)(const run_ctx *r)) {
    *t = *from;
    t->name = name;
    t->precision = p;
    t->run = run;
}

static const tactic *lowered(size_t i) {
    fill(&low[0], &tactic_fusedconv, "conv.low", TACTIC_BF16, run_conv);
    fill(&low[1], &tactic_gemm, "gemm.low", TACTIC_BF16, run_gemm);
    fill(&low[2], &tactic_gemm, "gemm.half", TACTIC_FP16, run_gemm_half);
    fill(&low[3], &tactic_fusedconv, "conv.half", TACTIC_FP16, run_conv_overflow);
    return &low[i];
}

size_t tactic_count(void) {
    size_t n = LOW;
    for (size_t i = 0; i < listed_count(); i++) n += listed_at(i)->precision == TACTIC_F32;
    return n;
}

const tactic *tactic_at(size_t i) {
    if (i < LOW) return low[0].name ? &low[i] : lowered(i);
    i -= LOW;
    for (size_t k = 0;; k++)
        if (listed_at(k)->precision == TACTIC_F32 && i-- == 0) return listed_at(k);
}

/* ---- builds of SmallCNN ---- */
#define CONV1 "/conv1/Conv"
#define CONV2 "/conv2/Conv"
#define HEAD  "/head/Gemm"
enum { SIZE = 28, PIXELS = 3 * SIZE * SIZE };

typedef struct setting {
    int level;
    bool fp16, bf16;
    double accuracy;
    struct {
        const char *name;
        naru_precision precision;
    } asked[3];
    naru_constraints constraints;
    const naru_samples *samples;
    naru_timing_cache *cache;
    bool int8; /* calibrated on the samples */
} setting;

static naru_status build_with(const setting *s, naru_engine **out, naru_report *r, naru_error *why) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(s->level, "1", NULL);
    add_size_profile(c, 20, SIZE, 40);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_FP16, s->fp16, NULL));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_BF16, s->bf16, NULL));
    OK(naru_builder_config_set_accuracy(c, s->accuracy, NULL));
    OK(naru_builder_config_set_constraints(c, s->constraints, NULL));
    OK(naru_builder_config_set_samples(c, s->samples, NULL));
    OK(naru_builder_config_set_timing_cache(c, s->cache, NULL));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, s->int8, NULL));
    naru_calibration calibration = {.size = sizeof calibration, .algorithm = NARU_CALIBRATOR_MINMAX};
    if (s->int8) calibration.samples = *s->samples;
    OK(naru_builder_config_set_calibrator(c, s->int8 ? &calibration : NULL, NULL));
    for (int i = 0; i < 3 && s->asked[i].name; i++)
        OK(naru_builder_config_set_layer_precision(c, s->asked[i].name, s->asked[i].precision, NULL));
    naru_status st = naru_build(n, c, out, r, why);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return st;
}

static naru_engine *built_with(const setting *s, naru_report *r) {
    naru_engine *e;
    OK(build_with(s, &e, r, &err));
    return e;
}

static void refused(const setting *s, const char *text) {
    naru_engine *e = NULL;
    REFUSES(build_with(s, &e, NULL, &err), text);
    assert_null(e);
}

/* The layer that came from that node. */
static naru_layer layer_of(const naru_engine *e, const char *name) {
    naru_layer l = {.size = sizeof l};
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++)
        if (strstr(l.name, name) && strncmp(l.name, "reformat", 8) != 0) return l;
    fail_msg("no layer %s", name);
    return l;
}

static void assert_layer(const naru_engine *e, const char *name, const char *precision, double error) {
    naru_layer l = layer_of(e, name);
    if (strcmp(l.precision, precision) != 0) fail_msg("%s is %s, not %s", name, l.precision, precision);
    if (error < 0 ? l.error >= 0 : fabs(l.error - error) > 0.02 * error) fail_msg("%s: error %g", name, l.error);
}

static double outputs_error(const naru_engine *e) {
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(e, &info));
    return info.error;
}

/* A finding of that code, about that layer, that says that. */
static bool told(const naru_report *r, const char *code, const char *where, const char *text) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++)
        if (strcmp(f.code, code) == 0 && strstr(f.where, where) && strstr(f.message, text)) return true;
    return false;
}

/* The reason that the inspector gives against a tactic of a layer. */
static void assert_rejected(const naru_engine *e, const char *layer, const char *name, const char *reason) {
    char *text;
    bool found = false;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    json_t *j = json_loads(text, 0, NULL), *l, *t;
    assert_non_null(j);
    size_t i, k;
    json_array_foreach(json_object_get(j, "Layers"), i, l) {
        if (strncmp(json_string_value(json_object_get(l, "Name")), layer, strlen(layer)) != 0) continue;
        json_array_foreach(json_object_get(l, "Rejected"), k, t) found |=
            strcmp(json_string_value(json_object_get(t, "Tactic")), name) == 0 &&
            strstr(json_string_value(json_object_get(t, "Reason")), reason);
    }
    json_decref(j);
    if (!found) fail_msg("%s does not reject %s because '%s' in %s", layer, name, reason, text);
    naru_text_free(&text);
}

/* ---- the error ---- */
static void without_a_limit(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    naru_engine *e = built_with(&(setting){.level = 1, .bf16 = true}, r);
    assert_layer(e, CONV1, "BF16", 0.001);
    assert_layer(e, CONV2, "BF16", 0.001);
    assert_layer(e, HEAD, "BF16", 0.02);
    assert_layer(e, "/GlobalAveragePool", "FP32", -1);
    assert_true(outputs_error(e) > 0.01 && outputs_error(e) < 0.03);
    assert_true(told(r, "precision-lowered", "", "3 of 6 layers run in BF16"));
    assert_true(told(r, "outputs-error", "", "(relative, on random data)"));
    char *text;
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &text, &err));
    json_t *j = json_loads(text, 0, NULL);
    assert_true(j && fabs(json_real_value(json_object_get(j, "Error")) - outputs_error(e)) < 1e-12);
    json_decref(j);
    naru_text_free(&text);
    OK(naru_engine_inspect(e, NARU_INSPECT_LINES, &text, &err));
    assert_non_null(strstr(text, "Tactic: gemm.low, Precision: BF16, Error: 0.02, "));
    naru_text_free(&text);
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
}

static void a_limit_keeps_a_layer_high(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    naru_engine *e = built_with(&(setting){.level = 1, .bf16 = true, .accuracy = 0.01}, r);
    assert_layer(e, CONV1, "BF16", 0.001);
    assert_layer(e, HEAD, "FP32", -1);
    assert_rejected(e, HEAD, "gemm.low", "its error of 0.02 is above the limit of 0.01");
    assert_true(told(r, "kept-high", HEAD, "gemm.low, its error of 0.02 is above the limit of 0.01"));
    assert_false(told(r, "kept-high", CONV1, ""));
    assert_true(outputs_error(e) > 0 && outputs_error(e) <= 0.01);
    naru_engine_destroy(&e);
    e = built_with(&(setting){.level = 1, .bf16 = true, .fp16 = true, .accuracy = 0.01}, NULL);
    assert_layer(e, HEAD, "FP16", 0.003); /* the other precision is within */
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
}

/* Either convolution is within the limit, both together are not. */
static void errors_add_up(void **state) {
    naru_report *r;
    naru_engine *e = built_with(&(setting){.level = 1, .bf16 = true, .accuracy = 0.0015}, NULL);
    double one = outputs_error(e);
    int kept =
        (strcmp(layer_of(e, CONV1).precision, "BF16") == 0) + (strcmp(layer_of(e, CONV2).precision, "BF16") == 0);
    assert_int_equal(kept, 1);
    assert_true(one > 0 && one <= 0.0015);
    assert_rejected(e, strcmp(layer_of(e, CONV1).precision, "BF16") ? CONV1 : CONV2, "conv.low", "raised");
    naru_engine_destroy(&e);
    OK(naru_report_create(&r, &err));
    e = built_with(&(setting){.level = 1, .bf16 = true, .accuracy = 0.003}, NULL);
    assert_layer(e, CONV1, "BF16", 0.001);
    assert_layer(e, CONV2, "BF16", 0.001);
    assert_true(outputs_error(e) > one);
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
    setting both = {.level = 1, .accuracy = 0.0015, .constraints = NARU_CONSTRAINTS_OBEY};
    both.asked[0].name = "/conv?/Conv", both.asked[0].precision = NARU_PRECISION_BF16;
    refused(&both, "every layer that is left in a lower precision has to be");
}

static void what_is_not_finite_is_not_used(void **state) {
    naru_engine *e = built_with(&(setting){.level = 1, .fp16 = true}, NULL);
    assert_layer(e, CONV1, "FP32", -1);
    assert_rejected(e, CONV1, "conv.half", "not finite where FP32's are");
    assert_layer(e, HEAD, "FP16", 0.003);
    naru_engine_destroy(&e);
}

static void level_zero_lowers_nothing(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    naru_engine *e = built_with(&(setting){.level = 0, .bf16 = true}, r);
    assert_layer(e, CONV1, "FP32", -1);
    assert_layer(e, HEAD, "FP32", -1);
    assert_true(outputs_error(e) < 0);
    assert_true(told(r, "precision-not-lowered", "", "level 0 lowers nothing"));
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
    e = built_with(&(setting){.level = 1}, NULL); /* not permitted */
    assert_layer(e, HEAD, "FP32", -1);
    naru_engine_destroy(&e);
}

/* ---- samples ---- */
typedef struct feed {
    int batches, asked;
    int64_t size;
} feed;

static naru_status give(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    feed *f = user;
    f->asked++;
    if (index >= (size_t)f->batches) return NARU_NOT_FOUND;
    naru_tensor *t;
    TRY(naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){1, 3, f->size, SIZE}, &t, err));
    float *x = random_floats((size_t)(3 * f->size * SIZE), 7 + (unsigned)index);
    memcpy(naru_tensor_data(t), x, (size_t)(3 * f->size * SIZE) * 4);
    free(x);
    naru_status st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

static naru_status give_flat(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    naru_tensor *t;
    TRY(naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){5}, &t, err));
    naru_status st = naru_value_from_tensor(t, &in[0], err);
    naru_tensor_destroy(&t);
    return st;
}

static void errors_on_samples(void **state) {
    feed f = {3, 0, SIZE}, many = {1000, 0, SIZE}, none = {0, 0, SIZE};
    naru_report *r;
    OK(naru_report_create(&r, &err));
    naru_engine *e =
        built_with(&(setting){.level = 1, .bf16 = true, .samples = &(naru_samples){sizeof(naru_samples), give, &f}}, r);
    assert_layer(e, CONV2, "BF16", 0.001);
    assert_true(told(r, "outputs-error", "", "on samples"));
    assert_int_equal(f.asked, 3 + 1 + 3); /* to the end, then those again for the outputs */
    naru_engine_destroy(&e);
    e = built_with(&(setting){.level = 3, .bf16 = true, .samples = &(naru_samples){sizeof(naru_samples), give, &many}},
                   NULL);
    assert_true(many.asked == 8 || many.asked == 16);
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
    refused(&(setting){.level = 1, .bf16 = true, .samples = &(naru_samples){sizeof(naru_samples), give, &none}},
            "the samples have no batch");
    refused(&(setting){.level = 1, .bf16 = true, .samples = &(naru_samples){sizeof(naru_samples), give_flat, NULL}},
            "batch 0 of the samples: input 'input' has 4 dimensions, the samples 1");
}

/* ---- INT8 by calibration ---- */
static void the_limit_holds_for_int8(void **state) {
    feed f = {3, 0, SIZE};
    naru_samples data = {sizeof data, give, &f};
    naru_report *r;
    OK(naru_report_create(&r, &err));
    setting s = {.level = 1, .int8 = true, .samples = &data, .accuracy = 0.5};
    naru_engine *e = built_with(&s, r);
    double whole = outputs_error(e);
    assert_layer(e, CONV2, "INT8", -1);
    assert_layer(e, HEAD, "INT8", -1);
    assert_true(whole > 1e-4 && whole < 0.2 && told(r, "outputs-error", "", "on samples"));
    naru_engine_destroy(&e);
    s.accuracy = 1e-6; /* nothing can be quantized for that */
    e = built_with(&s, r);
    assert_layer(e, CONV1, "FP32", -1);
    assert_layer(e, HEAD, "FP32", -1);
    assert_true(told(r, "kept-high", "", "stay in FP32, for the outputs' error was above the limit of 1e-06"));
    naru_engine_destroy(&e);
    s.accuracy = whole * 0.9; /* something must go */
    e = built_with(&s, NULL);
    assert_true(outputs_error(e) < whole);
    naru_engine_destroy(&e);
    s.accuracy = 0.5, s.constraints = NARU_CONSTRAINTS_OBEY;
    s.asked[0].name = CONV2, s.asked[0].precision = NARU_PRECISION_BF16;
    s.asked[1].name = HEAD, s.asked[1].precision = NARU_PRECISION_INT8;
    e = built_with(&s, NULL);
    assert_layer(e, CONV2, "BF16", 0.001);
    assert_layer(e, HEAD, "INT8", -1);
    assert_true(outputs_error(e) > 0); /* of both, against the network before it was quantized */
    naru_engine_destroy(&e);
    naru_report_destroy(&r);
}

/* ---- precisions of layers ---- */
static setting asking(naru_constraints c, const char *name, naru_precision p) {
    setting s = {.level = 1, .constraints = c};
    s.asked[0].name = name, s.asked[0].precision = p;
    return s;
}

static void obeyed(void **state) {
    for (int level = 0; level <= 3; level += 3) { /* permits what it asks for; wins over time */
        setting s = asking(NARU_CONSTRAINTS_OBEY, CONV1, NARU_PRECISION_BF16);
        s.level = level;
        naru_engine *e = built_with(&s, NULL);
        assert_layer(e, CONV1, "BF16", 0.001);
        assert_layer(e, CONV2, "FP32", -1);
        assert_rejected(e, CONV1, "conv.half", "another precision was asked for");
        naru_engine_destroy(&e);
    }
    setting high = asking(NARU_CONSTRAINTS_OBEY, HEAD, NARU_PRECISION_FP32);
    high.bf16 = true;
    naru_engine *e = built_with(&high, NULL);
    assert_layer(e, HEAD, "FP32", -1);
    assert_layer(e, CONV1, "BF16", 0.001);
    naru_engine_destroy(&e);
}

/* conv1 and its Relu are one layer: it has the higher of the two. */
static void the_highest_of_what_was_fused(void **state) {
    setting s = asking(NARU_CONSTRAINTS_OBEY, CONV1, NARU_PRECISION_BF16);
    s.asked[1].name = "/Relu", s.asked[1].precision = NARU_PRECISION_FP32;
    naru_engine *e = built_with(&s, NULL);
    assert_layer(e, CONV1, "FP32", -1);
    naru_engine_destroy(&e);
    s = asking(NARU_CONSTRAINTS_OBEY, HEAD, NARU_PRECISION_FP16); /* exact goes before the pattern that comes later */
    s.asked[1].name = "/*/*", s.asked[1].precision = NARU_PRECISION_BF16;
    e = built_with(&s, NULL);
    assert_layer(e, HEAD, "FP16", 0.003);
    assert_layer(e, CONV2, "BF16", 0.001);
    naru_engine_destroy(&e);
}

static void what_cannot_be_obeyed(void **state) {
    setting s = asking(NARU_CONSTRAINTS_OBEY, "/GlobalAveragePool", NARU_PRECISION_FP16);
    refused(&s, "layer '/GlobalAveragePool' cannot have FP16, which was asked for: no tactic of ReduceMean computes in "
                "FP16");
    s = asking(NARU_CONSTRAINTS_OBEY, CONV1, NARU_PRECISION_INT8);
    refused(&s, "layer '/conv1/Conv + /Relu' cannot have INT8, which was asked for: neither Q/DQ nodes nor calibration "
                "quantize it");
    s = asking(NARU_CONSTRAINTS_OBEY, HEAD, NARU_PRECISION_BF16);
    s.accuracy = 0.01;
    refused(&s, "layer '/head/Gemm' cannot have BF16, which was asked for: gemm.low: its error of 0.02 is above");
    s = asking(NARU_CONSTRAINTS_OBEY, "/Flatten", NARU_PRECISION_BF16); /* moves values only */
    naru_engine *e = built_with(&s, NULL);
    naru_engine_destroy(&e);
}

static void preferred_with_a_warning(void **state) {
    naru_report *r;
    OK(naru_report_create(&r, &err));
    setting s = asking(NARU_CONSTRAINTS_PREFER, "*", NARU_PRECISION_BF16);
    s.accuracy = 0.01;
    naru_engine *e = built_with(&s, r);
    assert_layer(e, CONV1, "BF16", 0.001);
    assert_layer(e, HEAD, "FP32", -1);
    assert_true(told(r, "precision-not-met", HEAD, "its error of 0.02 is above the limit"));
    assert_true(told(r, "precision-not-met", "/GlobalAveragePool", "no tactic of ReduceMean"));
    assert_false(told(r, "precision-not-met", CONV1, ""));
    naru_engine_destroy(&e);
    s = asking(NARU_CONSTRAINTS_NONE, HEAD, NARU_PRECISION_BF16);
    e = built_with(&s, r);
    assert_layer(e, HEAD, "FP32", -1);
    assert_true(told(r, "constraints-off", "", "have no effect"));
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
}

static void names_that_match_nothing(void **state) {
    for (int mode = NARU_CONSTRAINTS_NONE; mode <= NARU_CONSTRAINTS_OBEY; mode++) {
        setting s = asking((naru_constraints)mode, "/conv1/Cnov", NARU_PRECISION_BF16);
        refused(&s, "no node of the model has the name '/conv1/Cnov'; did you mean '/conv1/Conv'?");
        s = asking((naru_constraints)mode, "layer*", NARU_PRECISION_BF16);
        refused(&s, "no node of the model matches 'layer*'");
    }
}

static naru_status build_types(const char *name, const naru_dtype *types, size_t n, naru_constraints mode,
                               naru_report *r, naru_error *why) {
    naru_network *net = open_network(SMALLCNN);
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_engine *e = NULL;
    add_size_profile(c, 20, SIZE, 40);
    OK(naru_builder_config_set_constraints(c, mode, NULL));
    naru_status st = naru_builder_config_set_layer_output_types(c, name, types, n, why);
    if (st == NARU_OK) st = naru_build(net, c, &e, r, why);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&net);
    return st;
}

static void types_of_outputs(void **state) {
    const naru_dtype f = NARU_FLOAT, h = NARU_FLOAT16, many[9] = {NARU_FLOAT};
    naru_report *r;
    OK(naru_report_create(&r, &err));
    OK(build_types("/conv?/Conv", &f, 1, NARU_CONSTRAINTS_OBEY, NULL, &err));
    REFUSES(build_types(CONV2, &h, 1, NARU_CONSTRAINTS_OBEY, NULL, &err),
            "layer '/conv2/Conv + /Relu_1' cannot have float16, which was asked for");
    OK(build_types(CONV2, &h, 1, NARU_CONSTRAINTS_PREFER, r, &err));
    assert_true(told(r, "precision-not-met", CONV2, "layers hand on the types of the model"));
    REFUSES(build_types(CONV2, many, 9, NARU_CONSTRAINTS_OBEY, NULL, &err), "1 to 8 are possible");
    naru_report_destroy(&r);
}

static void bad_arguments(void **state) {
    naru_builder_config *c = config_of(1, "1", NULL);
    REFUSES(naru_builder_config_set_accuracy(c, -1, &err), "a number above 0");
    REFUSES(naru_builder_config_set_accuracy(c, NAN, &err), "a number above 0");
    REFUSES(naru_builder_config_set_layer_precision(c, "x", (naru_precision)77, &err), "77 is no precision");
    REFUSES(naru_builder_config_set_layer_precision(c, NULL, NARU_PRECISION_FP16, &err), "NULL argument");
    REFUSES(naru_builder_config_set_constraints(c, (naru_constraints)9, &err), "9 is no way");
    REFUSES(naru_builder_config_set_samples(c, &(naru_samples){.size = sizeof(naru_samples)}, &err), "no callback");
    naru_builder_config_destroy(&c);
}

/* ---- plans ---- */
static void assert_same_plan(naru_engine *a, naru_engine *b) {
    void *x, *y;
    size_t n, m;
    OK(naru_engine_serialize(a, &x, &n, &err));
    OK(naru_engine_serialize(b, &y, &m, &err));
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    naru_engine_data_free(&x);
    naru_engine_data_free(&y);
}

static void equal_builds_equal_plans(void **state) {
    naru_timing_cache *cache;
    OK(naru_timing_cache_create(&cache, &err));
    for (int level = 1; level <= 3; level += 2) {
        setting s = {.level = level, .bf16 = true, .fp16 = true, .accuracy = 0.0025, .cache = cache};
        s.constraints = NARU_CONSTRAINTS_PREFER;
        s.asked[0].name = CONV1, s.asked[0].precision = NARU_PRECISION_BF16;
        naru_engine *a = built_with(&s, NULL), *b = built_with(&s, NULL);
        assert_same_plan(a, b);
        naru_engine_destroy(&b);
        s.accuracy = 0.0026; /* what was asked is kept */
        b = built_with(&s, NULL);
        void *x, *y;
        size_t n, m;
        OK(naru_engine_serialize(a, &x, &n, &err));
        OK(naru_engine_serialize(b, &y, &m, &err));
        assert_true(n != m || memcmp(x, y, n) != 0);
        naru_engine_data_free(&x);
        naru_engine_data_free(&y);
        naru_engine_destroy(&a);
        naru_engine_destroy(&b);
    }
    naru_timing_cache_destroy(&cache);
}

static void run_engine(naru_engine *e, float out[10]) {
    naru_context *c;
    float *x = random_floats(PIXELS, 3);
    OK(naru_context_create(e, &c, &err));
    OK(run_cnn(c, 1, SIZE, x, out, &err));
    naru_context_destroy(&c);
    free(x);
}

static void round_trip(void **state) {
    setting s = asking(NARU_CONSTRAINTS_OBEY, CONV1, NARU_PRECISION_BF16);
    s.bf16 = true, s.accuracy = 0.01;
    naru_engine *e = built_with(&s, NULL), *f;
    naru_options *o = options_of("1", NULL), *plain = options_of("1", "ref");
    void *plan;
    size_t n;
    char *before, *after;
    float want[10], got[10];
    OK(naru_engine_serialize(e, &plan, &n, &err));
    OK(naru_engine_inspect(e, NARU_INSPECT_JSON, &before, &err));
    run_engine(e, want);
    OK(naru_engine_load_memory(plan, n, NULL, o, &f, NULL, &err));
    OK(naru_engine_inspect(f, NARU_INSPECT_JSON, &after, &err));
    assert_string_equal(before, after);
    run_engine(f, got);
    assert_memory_equal(want, got, sizeof want);
    assert_same_plan(e, f);
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(f, &info));
    assert_true(!info.rebuilt && info.accuracy == 0.01 && info.error == outputs_error(e) && info.error > 0);
    naru_engine_destroy(&f);
    OK(naru_engine_load_memory(plan, n, NULL, plain, &f, NULL, &err)); /* built anew, within the limit */
    assert_layer(f, CONV1, "BF16", 0.001);
    assert_layer(f, HEAD, "FP32", -1);
    naru_text_free(&before);
    naru_text_free(&after);
    naru_engine_data_free(&plan);
    naru_engine_destroy(&e);
    naru_engine_destroy(&f);
    naru_options_destroy(&o);
    naru_options_destroy(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit),
        cmocka_unit_test(a_limit_keeps_a_layer_high),
        cmocka_unit_test(errors_add_up),
        cmocka_unit_test(what_is_not_finite_is_not_used),
        cmocka_unit_test(level_zero_lowers_nothing),
        cmocka_unit_test(errors_on_samples),
        cmocka_unit_test(the_limit_holds_for_int8),
        cmocka_unit_test(obeyed),
        cmocka_unit_test(the_highest_of_what_was_fused),
        cmocka_unit_test(what_cannot_be_obeyed),
        cmocka_unit_test(preferred_with_a_warning),
        cmocka_unit_test(names_that_match_nothing),
        cmocka_unit_test(types_of_outputs),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(equal_builds_equal_plans),
        cmocka_unit_test(round_trip),
    };
    lowered(0); /* before there are threads */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
