/* SPDX-License-Identifier: MIT
 *
 * Engines that were quantized while they were built take float weights: the ranges and the layers that stayed float are
 * kept, so that a refit gives what a build from the same calibration cache gives, bit for bit, and a plan without
 * weights needs no more than the float model.
 */
#include <unistd.h>

#include "build_calls.h"

enum { C = 16, OUT = 8, SIZE = 12, PIXELS = 3 * SIZE * SIZE };
typedef enum {
    ALL,
    RULE,
    LIMIT,
    MODES
} mode; /* everything INT8; conv2 asked to be FP32; a limit that keeps some high */

/* ---- networks ---- */
static naru_network_tensor *weight(naru_network *n, const char *name, int rank, const int64_t *dims, unsigned seed) {
    naru_network_tensor *out;
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    float *x = random_floats((size_t)count, seed * 31 + (unsigned)strlen(name) + (unsigned)name[0]);
    OK(naru_network_add_weights(n, name, NARU_FLOAT, rank, dims, x, &out, &err));
    free(x);
    return out;
}

/* `normal`: a batch normalization, which quantizing folds. */
static naru_network *make(unsigned seed, bool normal) {
    static const char *const names[] = {"", "bn.scale", "bn.shift", "bn.mean", "bn.var"};
    naru_network *n;
    naru_network_tensor *x, *in[5];
    int64_t width = C;
    OK(naru_network_create_empty(&n, &err));
    OK(naru_network_add_input(n, "input", NARU_FLOAT, 4, (int64_t[]){-1, 3, SIZE, SIZE}, NULL, &x, &err));
    in[1] = weight(n, "conv.w", 4, (int64_t[]){C, 3, 3, 3}, seed);
    OK(naru_network_add_convolution(n, "conv", x, in[1], weight(n, "conv.bias", 1, &width, seed), NULL, 1, &in[0],
                                    &err));
    x = in[0];
    for (int i = 1; normal && i < 5; i++) in[i] = weight(n, names[i], 1, &width, i == 4 ? 7 : seed);
    if (normal) {
        naru_network_tensor *two;
        OK(naru_network_add_elementwise(n, "square", NARU_PROD, in[4], in[4], &two, &err)); /* variances are positive */
        in[4] = two;
    }
    if (normal) OK(naru_network_add(n, "BatchNormalization", "", "bn", 5, in, 0, NULL, 1, &x, &err));
    OK(naru_network_add_activation(n, "relu", NARU_RELU, x, 0, 0, &x, &err));
    in[1] = weight(n, "conv2.w", 4, (int64_t[]){OUT, C, 3, 3}, seed);
    OK(naru_network_add_convolution(n, "conv2", x, in[1], NULL, NULL, 1, &x, &err));
    OK(naru_network_add_activation(n, "relu2", NARU_RELU, x, 0, 0, &x, &err));
    OK(naru_network_add_reduce(n, "mean", NARU_REDUCE_MEAN, x, 2, (int64_t[]){2, 3}, false, &x, &err));
    in[1] = weight(n, "fc.w", 2, (int64_t[]){10, OUT}, seed);
    OK(naru_network_add_fully_connected(n, "fc", x, in[1], weight(n, "fc.bias", 1, (int64_t[]){10}, seed), &x, &err));
    OK(naru_network_tensor_set_name(n, x, "logits", &err));
    OK(naru_network_mark_output(n, x, &err));
    return n;
}

static naru_model *model_of(unsigned seed, bool normal) {
    char path[] = "/tmp/naru_refit8_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    naru_network *n = make(seed, normal);
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

/* ---- calibration ---- */
typedef struct cache {
    char text[2000];
    size_t size;
} cache;

static naru_status read_cache(void *user, const void **data, size_t *size, naru_error *err) {
    cache *c = user;
    *data = c->text;
    *size = c->size;
    return c->size ? NARU_OK : NARU_NOT_FOUND;
}

static naru_status write_cache(void *user, const void *data, size_t size, naru_error *err) {
    cache *c = user;
    assert_true(size < sizeof c->text);
    memcpy(c->text, data, size);
    c->size = size;
    return NARU_OK;
}

static naru_value *samples(void) {
    naru_tensor *t;
    naru_value *v;
    OK(naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){4, 3, SIZE, SIZE}, &t, &err));
    float *x = random_floats(4 * PIXELS, 11);
    memcpy(naru_tensor_data(t), x, 4 * PIXELS * sizeof *x);
    free(x);
    OK(naru_value_from_tensor(t, &v, &err));
    naru_tensor_destroy(&t);
    return v;
}

static naru_status batch(void *user, size_t index, size_t nin, naru_value **in, naru_error *err) {
    if (index) return NARU_NOT_FOUND;
    in[0] = samples();
    return NARU_OK;
}

static naru_engine *build(unsigned seed, bool normal, mode how, bool strip, bool refittable, cache *k) {
    naru_network *n = make(seed, normal);
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_calibration with = {.size = sizeof with,
                             .samples = {0, batch, NULL},
                             .read_cache = read_cache,
                             .write_cache = write_cache,
                             .user = k};
    naru_engine *e;
    add_size_profile(c, SIZE, SIZE, SIZE);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, true, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_STRIP_WEIGHTS, strip, &err));
    OK(naru_builder_config_set_flag(c, NARU_BUILD_REFIT, refittable, &err));
    OK(naru_builder_config_set_calibrator(c, &with, &err));
    if (how == RULE) {
        OK(naru_builder_config_set_constraints(c, NARU_CONSTRAINTS_OBEY, &err));
        OK(naru_builder_config_set_layer_precision(c, "conv2", NARU_PRECISION_FP32, &err));
    }
    if (how == LIMIT) OK(naru_builder_config_set_accuracy(c, 0.0065, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
    return e;
}

static void run_engine(naru_engine *e, float out[10]) {
    naru_context *c;
    float *x = random_floats(PIXELS, 3);
    OK(naru_context_create(e, &c, &err));
    OK(run_cnn(c, 1, SIZE, x, out, &err));
    naru_context_destroy(&c);
    free(x);
}

static int products(const naru_engine *e) { /* in INT8 */
    naru_layer l = {.size = sizeof l};
    int n = 0;
    for (size_t i = 0; naru_engine_layer(e, i, &l) == NARU_OK; i++) n += strncmp(l.tactic, "qproduct", 8) == 0;
    return n;
}

static naru_engine *reload(const naru_engine *e, const naru_model *m) {
    char path[] = "/tmp/naru_refit8_XXXXXX";
    int fd = mkstemp(path);
    naru_options *o = options_of("1", NULL);
    naru_engine_info info = {.size = sizeof info};
    naru_engine *f;
    assert_true(fd >= 0);
    close(fd);
    OK(naru_engine_save(e, path, &err));
    OK(naru_engine_load(path, m, o, &f, NULL, &err));
    OK(naru_engine_get_info(f, &info));
    assert_false(info.rebuilt);
    naru_options_destroy(&o);
    unlink(path);
    return f;
}

static size_t refit(naru_engine *e, unsigned seed, bool normal) {
    naru_model *m = model_of(seed, normal);
    naru_refitter *r;
    OK(naru_refitter_create(e, &r, &err));
    OK(naru_refitter_set_from_model(r, m, &err));
    naru_model_destroy(&m);
    size_t changed = naru_refitter_changed(r);
    OK(naru_refitter_refit(r, NULL, &err));
    naru_refitter_destroy(&r);
    return changed;
}

/* ---- tests ---- */
static void equals_a_build(mode how, bool normal) {
    cache k = {.size = 0};
    float first[10], want[10], got[10];
    naru_engine *e = build(1, normal, how, false, false, &k), *other = build(2, normal, how, false, false, &k);
    int int8 = products(e);
    if (!k.size || !(how == ALL ? int8 == 3 : int8 < 3)) fail_msg("mode %d: %d INT8 layers", how, int8);
    run_engine(e, first);
    run_engine(other, want);
    assert_true(memcmp(first, want, sizeof want) != 0);
    assert_int_equal(refit(e, 1, normal), 0);
    assert_true(refit(e, 2, normal) >= 3);
    run_engine(e, got);
    if (how != LIMIT) assert_memory_equal(got, want, sizeof want); /* the other's limit may keep other layers */
    memcpy(want, got, sizeof want);
    naru_engine *f = reload(e, NULL); /* the plan knows how, too */
    run_engine(f, got);
    assert_memory_equal(got, want, sizeof want);
    assert_true(refit(f, 1, normal) >= 3);
    run_engine(f, got);
    assert_memory_equal(got, first, sizeof first);
    assert_int_equal(products(f), int8);
    naru_engine_destroy(&e);
    naru_engine_destroy(&f);
    naru_engine_destroy(&other);
}

static void refits(void **state) {
    for (int i = 0; i < MODES; i++) equals_a_build((mode)i, false);
    equals_a_build(ALL, true);
}

static void stripped_as(mode how) {
    cache k = {.size = 0};
    naru_engine *whole = build(1, false, how, false, false, &k), *f;
    naru_engine *strict = build(1, false, how, true, false, &k), *open = build(1, false, how, true, true, &k);
    naru_model *m[2] = {model_of(1, false), model_of(2, false)};
    float want[10], other[10], got[10];
    void *data;
    size_t size;
    run_engine(whole, want);
    refit(whole, 2, false);
    run_engine(whole, other);
    OK(naru_engine_serialize(strict, &data, &size, &err));
    REFUSES(naru_engine_load_memory(data, size, m[1], NULL, &f, NULL, &err),
            "not the one that the plan was built from");
    REFUSES(naru_engine_load_memory(data, size, NULL, NULL, &f, NULL, &err), "it wants the model it was built from");
    naru_engine_data_free(&data);
    f = reload(strict, m[0]);
    run_engine(f, got);
    assert_memory_equal(got, want, sizeof want);
    naru_engine_destroy(&f);
    f = reload(open, m[1]);
    run_engine(f, got);
    assert_memory_equal(got, other, sizeof other);
    naru_engine *again = reload(f, m[0]); /* what was loaded is stripped and refittable again */
    run_engine(again, got);
    assert_memory_equal(got, want, sizeof want);
    naru_engine_destroy(&again);
    naru_engine_destroy(&f);
    naru_engine_destroy(&whole);
    naru_engine_destroy(&strict);
    naru_engine_destroy(&open);
    for (int i = 0; i < 2; i++) naru_model_destroy(&m[i]);
}

static void stripped(void **state) {
    for (int i = 0; i < MODES; i++) stripped_as((mode)i);
}

/* Another network than the engine's; its Q/DQ form by name, as before. */
static void other_models(void **state) {
    cache k = {.size = 0};
    naru_engine *e = build(1, false, ALL, false, false, &k);
    naru_refitter *r;
    naru_model *m;
    OK(naru_refitter_create(e, &r, &err));
    OK(naru_model_load(SMALLCNN, NULL, &m, &err));
    REFUSES(naru_refitter_set_from_model(r, m, &err), "");
    naru_model_destroy(&m);
    OK(naru_model_load(NARU_TEST_DATA "/quant/smallcnn_qdq_minmax_u8.onnx", NULL, &m, &err));
    REFUSES(naru_refitter_set_from_model(r, m, &err), "the model lacks");
    assert_int_equal(naru_refitter_changed(r), 0);
    naru_model_destroy(&m);
    naru_refitter_destroy(&r);
    naru_engine_destroy(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refits), cmocka_unit_test(stripped),
                                       cmocka_unit_test(other_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
