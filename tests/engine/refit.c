/* SPDX-License-Identifier: MIT
 *
 * Other weights for built engines: after a refit an engine is the one that would have been built from the other model,
 * bit for bit, folded weights included; contexts made before keep theirs; plans without weights take either model.
 */
#include <pthread.h>
#include <unistd.h>

#include "build_calls.h"

enum { C = 5, OUT = 4, SIZE = 12, PIXELS = 3 * SIZE * SIZE };

/* ---- a network with weights that passes fold ---- */
static naru_network_tensor *weight(naru_network *n, const char *name, int rank, const int64_t *dims, unsigned seed,
                                   float lo, float hi) {
    naru_network_tensor *out;
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    float *x = random_floats((size_t)count, seed * 31 + (unsigned)strlen(name) + (unsigned)name[0]);
    for (int64_t i = 0; i < count; i++) x[i] = lo + (x[i] + 1) / 2 * (hi - lo);
    OK(naru_network_add_weights(n, name, NARU_FLOAT, rank, dims, x, &out, &err));
    free(x);
    return out;
}

/* Conv + BN + ReLU + Conv, mean, power, Gemm; `exponent` is a weight that a pass looks at. */
static naru_network *make(unsigned seed, float exponent, int64_t width) {
    naru_network *n;
    naru_network_tensor *x, *bn[5], *p;
    OK(naru_network_create_empty(&n, &err));
    OK(naru_network_add_input(n, "input", NARU_FLOAT, 4, (int64_t[]){-1, 3, SIZE, SIZE}, NULL, &x, &err));
    bn[0] = weight(n, "conv.w", 4, (int64_t[]){width, 3, 3, 3}, seed, -1, 1);
    OK(naru_network_add_convolution(n, "conv", x, bn[0], NULL, NULL, 1, &bn[0], &err));
    static const char *const names[] = {"", "bn.scale", "bn.shift", "bn.mean", "bn.var"};
    for (int i = 1; i < 5; i++) bn[i] = weight(n, names[i], 1, &width, seed, 0.25f, 2);
    OK(naru_network_add(n, "BatchNormalization", "", "bn", 5, bn, 0, NULL, 1, &x, &err));
    OK(naru_network_add_activation(n, "relu", NARU_RELU, x, 0, 0, &x, &err));
    naru_network_tensor *w = weight(n, "conv2.w", 4, (int64_t[]){OUT, width, 1, 1}, seed, -1, 1);
    OK(naru_network_add_convolution(n, "conv2", x, w, NULL, NULL, 1, &x, &err));
    OK(naru_network_add_reduce(n, "mean", NARU_REDUCE_MEAN, x, 2, (int64_t[]){2, 3}, false, &x, &err));
    OK(naru_network_add_weights(n, "exponent", NARU_FLOAT, 0, NULL, &exponent, &p, &err));
    OK(naru_network_add_elementwise(n, "power", NARU_POW, x, p, &x, &err));
    w = weight(n, "fc.w", 2, (int64_t[]){10, OUT}, seed, -1, 1);
    OK(naru_network_add_fully_connected(n, "fc", x, w, weight(n, "fc.bias", 1, (int64_t[]){10}, seed, -1, 1), &x,
                                        &err));
    OK(naru_network_tensor_set_name(n, x, "logits", &err));
    OK(naru_network_mark_output(n, x, &err));
    return n;
}

static naru_engine *build_flags(naru_network *n, bool strip, bool refittable) {
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_engine *e;
    add_size_profile(c, SIZE, SIZE, SIZE);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_STRIP_WEIGHTS, strip, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_REFIT, refittable, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    return e;
}

static naru_engine *build_seed(unsigned seed) {
    naru_network *n = make(seed, 2, C);
    naru_engine *e = build_flags(n, false, false);
    naru_network_destroy(&n);
    return e;
}

/* As a model handle, by way of a file. */
static naru_model *model_of(unsigned seed, float exponent, int64_t width) {
    char path[] = "/tmp/naru_refit_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    naru_network *n = make(seed, exponent, width);
    naru_model *m;
    naru_options *o = options_of("1", NULL);
    OK(naru_options_set(o, "map", "0", &err));
    OK(naru_network_save(n, path, &err));
    OK(naru_model_load(path, o, &m, &err));
    naru_options_destroy(&o);
    naru_network_destroy(&n);
    unlink(path);
    return m;
}

static void run_context(naru_context *c, float out[10]) {
    float *x = random_floats(PIXELS, 3);
    OK(run_cnn(c, 1, SIZE, x, out, &err));
    free(x);
}

static void run_engine(naru_engine *e, float out[10]) {
    naru_context *c;
    OK(naru_context_create(e, &c, &err));
    run_context(c, out);
    naru_context_destroy(&c);
}

static void results_of(unsigned seed, float exponent, float out[10]) {
    naru_network *n = make(seed, exponent, C);
    naru_engine *e = build_flags(n, false, false);
    run_engine(e, out);
    naru_engine_destroy(&e);
    naru_network_destroy(&n);
}

/* ---- the whole ---- */
static void equals_a_build(void **state) {
    naru_engine *e = build_seed(1), *f;
    naru_context *before;
    naru_refitter *r;
    naru_model *m = model_of(2, 2, C);
    naru_options *o = options_of("1", NULL);
    float old[10], want[10], got[10];
    results_of(1, 2, old);
    results_of(2, 2, want);
    assert_true(memcmp(old, want, sizeof old) != 0);
    OK(naru_context_create(e, &before, &err));
    OK(naru_refitter_create(e, &r, &err));
    assert_int_equal(naru_refitter_weights(r), 9);
    OK(naru_refitter_set_from_model(r, m, &err));
    assert_int_equal(naru_refitter_changed(r), 8); /* the exponent is the same */
    run_engine(e, got);                            /* nothing has happened yet */
    assert_memory_equal(got, old, sizeof old);
    OK(naru_refitter_refit(r, NULL, &err));
    naru_model_destroy(&m);
    assert_int_equal(naru_refitter_changed(r), 0);
    run_engine(e, got);
    assert_memory_equal(got, want, sizeof want);
    run_context(before, got);
    assert_memory_equal(got, old, sizeof old);
    void *data;
    size_t n;
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_serialize(e, &data, &n, &err)); /* its plan has the new weights */
    OK(naru_engine_load_memory(data, n, NULL, o, &f, NULL, &err));
    OK(naru_engine_get_info(f, &info));
    assert_false(info.rebuilt);
    run_engine(f, got);
    assert_memory_equal(got, want, sizeof want);
    naru_engine_destroy(&f);
    naru_engine_data_free(&data);
    m = model_of(1, 2, C); /* and back, by the same refitter */
    OK(naru_refitter_set_from_model(r, m, &err));
    OK(naru_refitter_refit(r, NULL, &err));
    naru_model_destroy(&m);
    run_engine(e, got);
    assert_memory_equal(got, old, sizeof old);
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
    run_context(before, got); /* contexts keep what they need */
    assert_memory_equal(got, old, sizeof old);
    naru_context_destroy(&before);
    naru_options_destroy(&o);
}

static void by_name(void **state) {
    naru_engine *e = build_seed(1);
    naru_refitter *r;
    naru_weight w = {.size = sizeof w};
    naru_tensor *t, *other;
    float old[10], got[10];
    run_engine(e, old);
    OK(naru_refitter_create(e, &r, &err));
    size_t i = 0;
    while (naru_refitter_weight(r, i, &w) == NARU_OK && strcmp(w.name, "fc.bias") != 0) i++;
    assert_true(w.dtype == NARU_FLOAT && w.rank == 1 && w.dims[0] == 10 && !w.changed);
    const naru_tensor *bias = naru_refitter_tensor(r, "fc.bias");
    OK(naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){10}, &t, &err));
    for (int k = 0; k < 10; k++) ((float *)naru_tensor_data(t))[k] = (float)naru_tensor_get(bias, k);
    OK(naru_refitter_set(r, "fc.bias", t, &err)); /* the same again is no change */
    assert_int_equal(naru_refitter_changed(r), 0);
    OK(naru_tensor_cast(t, NARU_DOUBLE, &other, &err));
    REFUSES(naru_refitter_set(r, "fc.bias", other, &err), "weight 'fc.bias' is float, not double");
    REFUSES(naru_refitter_set(r, "fc.w", t, &err), "weight 'fc.w' has shape 10x4, not 10");
    REFUSES(naru_refitter_set(r, "fc.bais", t, &err), "no weight 'fc.bais'; did you mean 'fc.bias'?");
    naru_tensor_destroy(&t);
    naru_tensor_destroy(&other);
    OK(naru_tensor_create(NARU_FLOAT, 1, (int64_t[]){10}, &t, &err));
    bias = naru_refitter_tensor(r, "fc.bias");
    for (int k = 0; k < 10; k++) ((float *)naru_tensor_data(t))[k] = (float)naru_tensor_get(bias, k) + (float)k;
    OK(naru_refitter_set(r, "fc.bias", t, &err));
    OK(naru_refitter_weight(r, i, &w));
    assert_true(w.changed && naru_refitter_changed(r) == 1);
    naru_tensor_destroy(&t);
    OK(naru_refitter_refit(r, NULL, &err));
    run_engine(e, got);
    for (int k = 0; k < 10; k++) old[k] += (float)k;
    assert_near(got, old, 10);
    naru_model *m = model_of(1, 2, C + 1);
    REFUSES(naru_refitter_set_from_model(r, m, &err), "weight 'conv.w' has shape 5x3x3x3, not 6x3x3x3");
    assert_int_equal(naru_refitter_changed(r), 0);
    naru_model_destroy(&m);
    OK(naru_model_load(SMALLCNN, NULL, &m, &err));
    REFUSES(naru_refitter_set_from_model(r, m, &err),
            "the model lacks 9 of the engine's 9 weights, the first 'conv.w'");
    naru_model_destroy(&m);
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
}

static bool noted(const naru_report *r, const char *code, const char *text) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++)
        if (strcmp(f.code, code) == 0 && strstr(f.message, text)) return true;
    return false;
}

/* x^2 is x*x to a pass, x^1 is x: another graph; x^3 remains. Right numbers in any case. */
static void another_exponent(float exponent, bool rebuilt) {
    naru_engine *e = build_seed(1);
    naru_engine_info info = {.size = sizeof info};
    naru_refitter *r;
    naru_report *report;
    naru_model *m = model_of(2, exponent, C);
    float want[10], got[10];
    results_of(2, exponent, want);
    OK(naru_report_create(&report, &err));
    OK(naru_refitter_create(e, &r, &err));
    OK(naru_refitter_set_from_model(r, m, &err));
    OK(naru_refitter_refit(r, report, &err));
    run_engine(e, got);
    assert_near(got, want, 10);
    OK(naru_engine_get_info(e, &info));
    assert_int_equal(info.rebuilt, rebuilt);
    assert_int_equal(noted(report, "plan-rebuilt", "the new weights make another graph of the model"), rebuilt);
    naru_report_destroy(&report);
    naru_refitter_destroy(&r);
    naru_model_destroy(&m);
    naru_engine_destroy(&e);
}

static void another_graph(void **state) {
    another_exponent(3, false);
    another_exponent(1, true);
}

/* ---- plans without weights ---- */
static void stripped(void **state) {
    naru_network *n = make(1, 2, C);
    naru_engine *strict = build_flags(n, true, false), *open = build_flags(n, true, true), *f;
    naru_model *m[2] = {model_of(1, 2, C), model_of(2, 2, C)}, *wide = model_of(1, 2, C + 1);
    naru_options *o = options_of("1", NULL);
    float want[2][10], got[10];
    void *data;
    size_t size;
    for (int i = 0; i < 2; i++) results_of((unsigned)i + 1, 2, want[i]);
    OK(naru_engine_serialize(strict, &data, &size, &err));
    REFUSES(naru_engine_load_memory(data, size, m[1], o, &f, NULL, &err), "not the one that the plan was built from");
    naru_engine_data_free(&data);
    OK(naru_engine_serialize(open, &data, &size, &err));
    REFUSES(naru_engine_load_memory(data, size, wide, o, &f, NULL, &err), "more than its weights differs");
    REFUSES(naru_engine_load_memory(data, size, NULL, o, &f, NULL, &err), "it wants the model it was built from");
    for (int i = 0; i < 2; i++) {
        naru_engine_info info = {.size = sizeof info};
        OK(naru_engine_load_memory(data, size, m[i], o, &f, NULL, &err));
        OK(naru_engine_get_info(f, &info));
        assert_false(info.rebuilt);
        run_engine(f, got);
        assert_memory_equal(got, want[i], sizeof got);
        void *again; /* what is loaded is stripped and refittable again */
        size_t bytes;
        OK(naru_engine_serialize(f, &again, &bytes, &err));
        naru_engine_destroy(&f);
        OK(naru_engine_load_memory(again, bytes, m[1 - i], o, &f, NULL, &err));
        run_engine(f, got);
        assert_memory_equal(got, want[1 - i], sizeof got);
        naru_engine_destroy(&f);
        naru_engine_data_free(&again);
    }
    naru_engine_data_free(&data);
    for (int i = 0; i < 2; i++) naru_model_destroy(&m[i]);
    naru_model_destroy(&wide);
    naru_engine_destroy(&strict);
    naru_engine_destroy(&open);
    naru_network_destroy(&n);
    naru_options_destroy(&o);
}

/* Real models, tactics by time: after a refit with their own weights times two and back, nothing differs. */
static void there_and_back(void **state) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(3, "1", NULL);
    naru_engine *e;
    naru_refitter *r;
    float first[10], got[10];
    add_size_profile(c, 20, 28, 40);
    OK(naru_build(n, c, &e, NULL, &err));
    float *x = random_floats(3 * 28 * 28, 3);
    naru_context *k;
    OK(naru_context_create(e, &k, &err));
    OK(run_cnn(k, 1, 28, x, first, &err));
    naru_context_destroy(&k);
    OK(naru_refitter_create(e, &r, &err));
    for (int way = 0; way < 2; way++) {
        naru_weight w = {.size = sizeof w};
        for (size_t i = 0; naru_refitter_weight(r, i, &w) == NARU_OK; i++) {
            const naru_tensor *is = naru_refitter_tensor(r, w.name);
            naru_tensor *t;
            if (w.dtype != NARU_FLOAT) continue;
            OK(naru_tensor_create(NARU_FLOAT, w.rank, w.dims, &t, &err));
            for (int64_t j = 0; j < naru_tensor_count(t); j++)
                ((float *)naru_tensor_data(t))[j] = (float)naru_tensor_get(is, j) * (way ? 0.5f : 2);
            OK(naru_refitter_set(r, w.name, t, &err));
            naru_tensor_destroy(&t);
        }
        OK(naru_refitter_refit(r, NULL, &err));
        OK(naru_context_create(e, &k, &err));
        OK(run_cnn(k, 1, 28, x, got, &err));
        naru_context_destroy(&k);
        if (way) assert_memory_equal(got, first, sizeof got);
        else assert_true(memcmp(got, first, sizeof got) != 0);
    }
    free(x);
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
}

/* ---- contexts that run meanwhile ---- */
typedef struct runner {
    naru_context *c;
    const float *want;
    int stop;
    bool ok;
} runner;

static void *run_on(void *arg) {
    runner *k = arg;
    float *x = random_floats(PIXELS, 3), got[10];
    k->ok = true;
    for (int i = 0; k->ok && (i < 20 || !__atomic_load_n(&k->stop, __ATOMIC_ACQUIRE)); i++) {
        naru_error err = NARU_ERROR_INIT;
        k->ok = run_cnn(k->c, 1, SIZE, x, got, &err) == NARU_OK && memcmp(got, k->want, sizeof got) == 0;
    }
    free(x);
    return NULL;
}

static void while_running(void **state) {
    naru_engine *e = build_seed(1);
    naru_refitter *r;
    naru_model *m[2] = {model_of(1, 2, C), model_of(2, 2, C)};
    float want[10];
    results_of(1, 2, want);
    runner k = {.want = want};
    pthread_t t;
    OK(naru_context_create(e, &k.c, &err));
    OK(naru_refitter_create(e, &r, &err));
    assert_int_equal(pthread_create(&t, NULL, run_on, &k), 0);
    for (int i = 0; i < 6; i++) {
        OK(naru_refitter_set_from_model(r, m[(i + 1) % 2], &err));
        OK(naru_refitter_refit(r, NULL, &err));
    }
    __atomic_store_n(&k.stop, 1, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    assert_true(k.ok);
    naru_context_destroy(&k.c);
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
    for (int i = 0; i < 2; i++) naru_model_destroy(&m[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_a_build), cmocka_unit_test(by_name),        cmocka_unit_test(another_graph),
        cmocka_unit_test(stripped),       cmocka_unit_test(there_and_back), cmocka_unit_test(while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
