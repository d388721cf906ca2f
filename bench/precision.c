/* SPDX-License-Identifier: MIT
 *
 * What a lower precision costs and brings: SmallCNN, trained on 8x8 digits, built in every precision at every CPU level
 * that this machine has. Accuracy on 500 digits, error of their logits against those recorded from the FP32 model
 * (tests/data/quant/recorded.npz), latency of one picture of 224x224, size of the plan. Plain C, which takes half a
 * minute for such a picture, has 50 digits, and one of them to time. Prints Markdown tables.
 * Build: cmake --build build --target bench_precision; run: build/bench_precision tests/data [THREADS]; make precision
 * does both.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "naru/naru.h"

enum { MOST_RUNS = 1000, FEW = 50 };
static const double most_ms = 250; /* of one latency */

static void check(naru_status st, const naru_error *err) {
    if (st == NARU_OK) return;
    fprintf(stderr, "bench_precision: %s\n", err->message);
    exit(1);
}
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        naru_error err = NARU_ERROR_INIT;                                                                              \
        check((call), &err);                                                                                           \
    } while (0)
#include "../tests/common/digits.h"

/* ---- data ---- */
typedef struct data {
    const char *folder, *threads;
    naru_tensor *calib, *labels, *want, *images, *picture;
} data;

static naru_tensor *load(const char *folder, const char *file) {
    char path[1000];
    naru_tensor *t;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    OK(naru_tensor_load(path, &t, &err));
    return t;
}

/* ---- what is compared ---- */
enum { NO_CALIBRATION = -1 };
typedef struct form {
    const char *name, *model;
    int flag; /* -1: none */
    int calibrator;
    const char *tactics;
    naru_precision every; /* asked of every layer; FP32: nothing is */
} form;

#define FLOAT_MODEL "smallcnn/smallcnn_dynamic_op17.onnx"
#define QDQ(kind)   "quant/smallcnn_qdq_" kind ".onnx"
static const form forms[] = {
    {"FP32 strict (no Winograd)", FLOAT_MODEL, -1, NO_CALIBRATION,
     "-conv.winograd,-conv.fp32tile,-gemm.fp32tile,-matmul.fp32tile", NARU_PRECISION_FP32},
    {"FP32", FLOAT_MODEL, -1, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"BF16 permitted", FLOAT_MODEL, NARU_BUILD_BF16, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"BF16 wherever possible", FLOAT_MODEL, NARU_BUILD_BF16, NO_CALIBRATION, "", NARU_PRECISION_BF16},
    {"FP16 permitted", FLOAT_MODEL, NARU_BUILD_FP16, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"FP16 wherever possible", FLOAT_MODEL, NARU_BUILD_FP16, NO_CALIBRATION, "", NARU_PRECISION_FP16},
    {"INT8, entropy", FLOAT_MODEL, NARU_BUILD_INT8, NARU_CALIBRATOR_ENTROPY, "", NARU_PRECISION_FP32},
    {"INT8, min-max", FLOAT_MODEL, NARU_BUILD_INT8, NARU_CALIBRATOR_MINMAX, "", NARU_PRECISION_FP32},
    {"INT8, percentile 99.999", FLOAT_MODEL, NARU_BUILD_INT8, NARU_CALIBRATOR_PERCENTILE, "", NARU_PRECISION_FP32},
    {"INT8, MSE", FLOAT_MODEL, NARU_BUILD_INT8, NARU_CALIBRATOR_MSE, "", NARU_PRECISION_FP32},
    {"Q/DQ, entropy, u8", QDQ("entropy_u8"), NARU_BUILD_INT8, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"Q/DQ, min-max, u8", QDQ("minmax_u8"), NARU_BUILD_INT8, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"Q/DQ, percentile, u8", QDQ("percentile_u8"), NARU_BUILD_INT8, NO_CALIBRATION, "", NARU_PRECISION_FP32},
    {"Q/DQ, min-max, s8 by channel", QDQ("minmax_s8pc"), NARU_BUILD_INT8, NO_CALIBRATION, "", NARU_PRECISION_FP32},
};
enum { FORMS = sizeof forms / sizeof *forms };

/* ---- building ---- */
static void add_profile(naru_builder_config *c, int64_t n, int64_t size) {
    naru_profile *p;
    OK(naru_profile_create(&p, &err));
    for (int b = 0; b < 3; b++)
        OK(naru_profile_set_dims(p, "input", (naru_select)b, 4, (int64_t[]){n, 3, size, size}, &err));
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    naru_profile_destroy(&p);
}

static naru_builder_config *configure(const data *d, const form *f, const char *cpu) {
    naru_builder_config *c;
    naru_options *o;
    OK(naru_options_create(&o, &err));
    OK(naru_options_set(o, "threads", d->threads, &err));
    OK(naru_options_set(o, "cpu", cpu, &err));
    OK(naru_builder_config_create(&c, &err));
    OK(naru_builder_config_set_options(c, o, &err));
    OK(naru_builder_config_set_tactics(c, f->tactics, &err));
    naru_options_destroy(&o);
    add_profile(c, 1, naru_tensor_dims(d->picture)[2]);
    add_profile(c, naru_tensor_dims(d->images)[0], SIDE);
    if (f->flag >= 0) OK(naru_builder_config_set_flag(c, (naru_build_flag)f->flag, true, &err));
    if (f->every != NARU_PRECISION_FP32) {
        OK(naru_builder_config_set_layer_precision(c, "*", f->every, &err));
        OK(naru_builder_config_set_constraints(c, NARU_CONSTRAINTS_PREFER, &err));
    }
    if (f->calibrator == NO_CALIBRATION) return c;
    naru_calibration with = {
        .size = sizeof with, .algorithm = (naru_calibrator)f->calibrator, .samples = {0, batch, d->calib}};
    OK(naru_builder_config_set_calibrator(c, &with, &err));
    return c;
}

static naru_engine *build(const data *d, const form *f, const char *cpu) {
    char path[1000];
    naru_model *m;
    naru_network *n;
    naru_engine *e;
    naru_builder_config *c = configure(d, f, cpu);
    snprintf(path, sizeof path, "%s/%s", d->folder, f->model);
    OK(naru_model_load(path, NULL, &m, &err));
    OK(naru_network_create(m, &n, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    naru_model_destroy(&m);
    return e;
}

/* ---- measuring ---- */
static naru_context *context_for(naru_engine *e, const naru_tensor *x, float *logits) {
    naru_context *c;
    int64_t n = naru_tensor_dims(x)[0];
    OK(naru_context_create(e, &c, &err));
    OK(naru_context_set_input_shape(c, "input", 4, naru_tensor_dims(x), &err));
    OK(naru_context_set_address(c, "input", naru_tensor_data(x), naru_tensor_nbytes(x), &err));
    OK(naru_context_set_address(c, "logits", logits, (size_t)n * CLASSES * sizeof(float), &err));
    return c;
}

typedef struct score {
    double accuracy, worst, mean;
} score;

static score score_of(naru_engine *e, const data *d) {
    int64_t n = naru_tensor_dims(d->images)[0], right = 0;
    float *got = malloc((size_t)n * CLASSES * sizeof *got);
    const float *want = naru_tensor_data(d->want);
    score s = {0};
    naru_context *c = context_for(e, d->images, got);
    OK(naru_context_run(c, &err));
    for (int64_t i = 0; i < n; i++) {
        int best = 0;
        for (int k = 0; k < CLASSES; k++) {
            double error = fabs((double)got[i * CLASSES + k] - (double)want[i * CLASSES + k]);
            if (got[i * CLASSES + k] > got[i * CLASSES + best]) best = k;
            s.mean += error / (double)(n * CLASSES);
            s.worst = fmax(s.worst, error);
        }
        right += best == (int)naru_tensor_get(d->labels, i);
    }
    s.accuracy = 100.0 * (double)right / (double)n;
    naru_context_destroy(&c);
    free(got);
    return s;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of a picture's runs, after two that do not count. */
static double latency_of(naru_engine *e, const data *d) {
    static double ms[MOST_RUNS];
    float logits[CLASSES];
    int n = 0;
    naru_context *c = context_for(e, d->picture, logits);
    for (int i = 0; i < 2; i++) OK(naru_context_run(c, &err));
    for (double spent = 0; n < MOST_RUNS && (n < 3 || spent < most_ms); n++) {
        double start = now_ms();
        OK(naru_context_run(c, &err));
        spent += ms[n] = now_ms() - start;
    }
    qsort(ms, (size_t)n, sizeof *ms, by_size);
    naru_context_destroy(&c);
    return ms[n / 2];
}

static double plan_kb(naru_engine *e) {
    void *plan;
    size_t n;
    OK(naru_engine_serialize(e, &plan, &n, &err));
    naru_engine_data_free(&plan);
    return (double)n / 1024;
}

/* "conv.winograd, gemm, ...": each tactic of a product once. */
static void products(naru_engine *e, char *out, size_t room) {
    naru_layer l = {.size = sizeof l};
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) {
        if (!strstr(l.op, "Conv") && !strstr(l.op, "Gemm") && !strstr(l.op, "MatMul")) continue;
        if (strstr(out, l.tactic)) continue;
        at += (size_t)snprintf(out + at, at < room ? room - at : 0, "%s%s", at ? ", " : "", l.tactic);
    }
}

/* ---- the tables ---- */
static void row(const data *d, const form *f, const char *cpu) {
    char tactics[300];
    naru_engine *e = build(d, f, cpu);
    score s = score_of(e, d);
    products(e, tactics, sizeof tactics);
    printf("| %s | %.1f | %.2g | %.2g | %.3g | %.0f | %s |\n", f->name, s.accuracy, s.worst, s.mean, latency_of(e, d),
           plan_kb(e), tactics);
    fflush(stdout);
    naru_engine_destroy(&e);
}

static void table(const data *d, cpu_level level) {
    bool plain = level == CPU_REF;
    printf("\n**%s**%s\n\n", cpu_level_name(level), plain ? ": 50 digits, latency of one" : "");
    if (level > cpu_best()) {
        printf("Not run: this machine does not have it.\n");
        return;
    }
    printf("| precision | accuracy %% | worst error | mean error | latency ms | plan KB | products by |\n"
           "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < FORMS; i++) row(d, &forms[i], cpu_level_name(level));
}

int main(int argc, char **argv) {
    data d = {.folder = argc > 1 ? argv[1] : "tests/data", .threads = argc > 2 ? argv[2] : "1"};
    naru_tensor *test = load(d.folder, "smallcnn/digits.npz:test_x");
    d.calib = load(d.folder, "smallcnn/digits.npz:calib_x");
    d.labels = load(d.folder, "smallcnn/digits.npz:test_y");
    d.want = load(d.folder, "quant/recorded.npz:logits_fp32");
    d.picture = load(d.folder, "smallcnn/calls.npz:c0_in_input");
    d.images = images(test, 0, naru_tensor_dims(test)[0]);
    data few = d;
    few.images = images(test, 0, FEW), few.picture = images(test, 0, 1);
    printf("Machine: %s; %s thread%s.\n", cpu_model_name(), d.threads, strcmp(d.threads, "1") == 0 ? "" : "s");
    for (int level = 0; level < CPU_LEVELS; level++) table(level == CPU_REF ? &few : &d, (cpu_level)level);
    naru_tensor *all[] = {test, d.calib, d.labels, d.want, d.picture, d.images, few.images, few.picture};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) naru_tensor_destroy(&all[i]);
    return 0;
}
