/* SPDX-License-Identifier: MIT
 *
 * Plan files: what is saved runs the same, bit for bit, after loading; a byte changed anywhere is never a crash and
 * never a silently wrong answer; what does not fit is built anew, and says so; plans without weights.
 */
#include "build_calls.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"

extern char **environ;

enum { SIZE = 28, PIXELS = 3 * SIZE * SIZE };
enum { OLDEST = 2, NEWEST = 3 }; /* formats of plan files that are read */

static naru_engine *small(int level, bool strip) {
    naru_network *n = open_network(SMALLCNN);
    naru_builder_config *c = config_of(level, "1", NULL);
    naru_engine *e;
    add_size_profile(c, 20, SIZE, 40);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_STRIP_WEIGHTS, strip, &err));
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

/* The first note of that code. */
static bool noted(const naru_report *r, const char *code, const char *text) {
    naru_finding f = {.size = sizeof f};
    for (size_t i = 0; naru_report_get(r, i, &f) == NARU_OK; i++)
        if (strcmp(f.code, code) == 0 && strstr(f.message, text)) return true;
    return false;
}

/* ---- round trips ---- */
static void round_trip(void **state) {
    char path[] = "/tmp/naru_plan_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    naru_engine *e = small(3, false), *f;
    naru_options *o = options_of("1", NULL);
    naru_report *r;
    float want[10], got[10];
    run_engine(e, want);
    OK(naru_report_create(&r, &err));
    OK(naru_engine_save(e, path, &err));
    assert_true(naru_is_plan(path) && !naru_is_plan(SMALLCNN));
    naru_engine_destroy(&e);
    OK(naru_engine_load(path, NULL, o, &f, r, &err));
    assert_int_equal(naru_report_count(r, NARU_SEVERITY_NOTE), 0);
    run_engine(f, got);
    assert_memory_equal(got, want, sizeof want);
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(f, &info));
    assert_true(!info.rebuilt && info.plan_bytes > 0 && info.level == 3);
    void *again, *first;
    size_t n, m;
    OK(naru_engine_serialize(f, &again, &n, &err)); /* a loaded engine is saved as it was */
    e = small(0, false);
    OK(naru_engine_serialize(e, &first, &m, &err));
    assert_int_equal((int64_t)n, info.plan_bytes);
    naru_session *s; /* a plan is taken wherever a model is */
    OK(naru_session_load(path, o, &s, NULL, &err));
    float *x = random_floats(4 * PIXELS, 3);
    session_cnn(s, 1, SIZE, x, got);
    assert_memory_equal(got, want, sizeof want);
    naru_tensor *t;
    naru_value *in, *out = NULL;
    OK(naru_tensor_create(NARU_FLOAT, 4, (int64_t[]){1, 3, 64, 64}, &t, &err));
    OK(naru_value_from_tensor(t, &in, &err));
    REFUSES(naru_session_run(s, 1, (const char *[]){"input"}, &in, 1, (const char *[]){"logits"}, &out, &err),
            "input 'input': axis 2 is 64; the engine takes 20 to 40");
    naru_value_destroy(&in);
    naru_tensor_destroy(&t);
    free(x);
    naru_session_destroy(&s);
    naru_engine_data_free(&again);
    naru_engine_data_free(&first);
    naru_report_destroy(&r);
    naru_engine_destroy(&e);
    naru_engine_destroy(&f);
    naru_options_destroy(&o);
    close(fd);
    unlink(path);
}

static void compare_engines(naru_engine *a, naru_engine *b, int64_t size) {
    naru_context *c, *d;
    naru_port port = {.size = sizeof port};
    OK(naru_context_create(a, &c, &err));
    OK(naru_context_create(b, &d, &err));
    give_random_inputs(c, a, size);
    give_random_inputs(d, b, size);
    OK(naru_context_run(c, &err));
    OK(naru_context_run(d, &err));
    for (size_t i = 0; naru_engine_output(a, i, &port) == NARU_OK; i++) {
        naru_value *x, *y;
        OK(naru_context_output(c, port.name, &x, &err));
        OK(naru_context_output(d, port.name, &y, &err));
        naru_tensor *t = naru_value_tensor(x), *u = naru_value_tensor(y);
        assert_int_equal(naru_tensor_nbytes(t), naru_tensor_nbytes(u));
        assert_memory_equal(naru_tensor_data(t), naru_tensor_data(u), naru_tensor_nbytes(t));
    }
    naru_context_destroy(&c);
    naru_context_destroy(&d);
}

static void one_model(const char *file, int64_t size, bool int8) {
    static char plan[] = "/tmp/naru-plan-model";
    char path[500];
    snprintf(path, sizeof path, NARU_TEST_DATA "/%s", file);
    naru_network *n = open_network(path);
    naru_builder_config *c = config_of(1, "1", NULL);
    naru_engine *e, *f;
    add_uniform_profile(n, c, size);
    OK(naru_builder_config_set_flag(c, NARU_BUILD_INT8, int8, &err));
    OK(naru_build(n, c, &e, NULL, &err));
    naru_options *o = options_of("1", NULL);
    OK(naru_engine_save(e, plan, &err));
    OK(naru_engine_load(plan, NULL, o, &f, NULL, &err)); /* mapped: who packs again writes where nobody may */
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(f, &info));
    assert_false(info.rebuilt);
    compare_engines(e, f, size);
    naru_engine_destroy(&f);
    remove(plan);
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
    naru_builder_config_destroy(&c);
    naru_network_destroy(&n);
}

static void models(void **state) {
    one_model("models/lstm_op17.onnx", 7, false);
    one_model("models/mobile_op17.onnx", 64, false);
    one_model("models/unet_op17.onnx", 64, false);
    one_model("models/router_op17.onnx", 16, false);
    one_model("models/speech_op17.onnx", 800, false);
    one_model("models/encoder_op17.onnx", 12, false);
}

static void int8_models(void **state) {
    one_model("models/mobile_op17.onnx", 64, true);
    one_model("models/unet_op17.onnx", 64, true);
    one_model("models/encoder_op17.onnx", 12, true);
    one_model("models/speech_op17.onnx", 800, true);
    one_model("quant/smallcnn_qdq_minmax_u8.onnx", 64, false);
    one_model("quant/smallcnn_qdq_entropy_s8pc.onnx", 64, false);
}

/* ---- another process ---- */
/* This program again, as "--run PLAN OUT": writes what the plan gives. */
static int run_here(const char *plan, const char *out) {
    naru_engine *e = NULL;
    naru_options *o = options_of("1", NULL);
    naru_engine_info info = {.size = sizeof info};
    float got[10];
    OK(naru_engine_load(plan, NULL, o, &e, NULL, &err));
    OK(naru_engine_get_info(e, &info));
    run_engine(e, got);
    FILE *f = fopen(out, "wb");
    bool ok = f && !info.rebuilt && fwrite(got, sizeof got, 1, f) == 1;
    if (f) ok &= fclose(f) == 0;
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
    return ok ? 0 : 1;
}

static void in_another_process(void **state) {
    char plan[] = "/tmp/naru_plan_XXXXXX", out[] = "/tmp/naru_out_XXXXXX", self[4096];
    int a = mkstemp(plan), b = mkstemp(out), status = -1;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(a >= 0 && b >= 0 && n > 0);
    self[n] = 0;
    naru_engine *e = small(3, false);
    float want[10], got[10] = {0};
    run_engine(e, want);
    OK(naru_engine_save(e, plan, &err));
    naru_engine_destroy(&e);
    pid_t child;
    char *args[] = {self, "--run", plan, out, NULL};
    assert_int_equal(posix_spawn(&child, self, NULL, NULL, args, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(b, got, sizeof got), sizeof got);
    assert_memory_equal(got, want, sizeof want);
    close(a);
    close(b);
    unlink(plan);
    unlink(out);
}

/* ---- damage ---- */
static naru_status load_and_run(const void *data, size_t n, float out[10], naru_error *err) {
    naru_options *o = options_of("1", NULL);
    naru_engine *e = NULL;
    naru_status st = naru_engine_load_memory(data, n, NULL, o, &e, NULL, err);
    if (st == NARU_OK) run_engine(e, out);
    naru_engine_destroy(&e);
    naru_options_destroy(&o);
    return st;
}

static void any_byte_flipped(void **state) {
    naru_engine *e = small(0, false);
    float want[10], got[10];
    uint8_t *data;
    size_t n;
    run_engine(e, want);
    OK(naru_engine_serialize(e, (void **)&data, &n, &err));
    enum { EVERYWHERE = 2000, HEAD = 200, INDEX = 1000 };
    size_t refused = 0, tried = 0;
    for (size_t k = 0; k < EVERYWHERE + HEAD + INDEX; k++) { /* evenly; the tables of the head; the index */
        size_t at = k < EVERYWHERE          ? k * (n / EVERYWHERE) + k % (n / EVERYWHERE)
                    : k < EVERYWHERE + HEAD ? k - EVERYWHERE
                                            : 4096 + (k - EVERYWHERE - HEAD);
        naru_error err = NARU_ERROR_INIT;
        data[at] ^= (uint8_t)(1 + k % 255);
        naru_status st = load_and_run(data, n, got, &err);
        if (st == NARU_OK) assert_memory_equal(got, want, sizeof want);
        else assert_true(err.message[0] && (st == NARU_BAD_FILE || st == NARU_UNSUPPORTED));
        refused += st != NARU_OK;
        tried++;
        data[at] ^= (uint8_t)(1 + k % 255);
    }
    assert_int_equal(refused, tried); /* hashes and zeros between sections: nothing goes unseen */
    for (size_t cut = 0; cut < 40; cut++) {
        naru_error err = NARU_ERROR_INIT;
        assert_int_not_equal(load_and_run(data, n * cut / 40, got, &err), NARU_OK);
    }
    OK(load_and_run(data, n, got, &err));
    naru_engine_data_free((void **)&data);
    naru_engine_destroy(&e);
}

static void put64(uint8_t *p, uint64_t v) {
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> 8 * i);
}
static uint64_t get64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* Hashes made right again: whoever does that may make another model of it, but no crash. */
static void forged_hashes(void **state) {
    naru_engine *e = small(0, false);
    uint8_t *data;
    size_t n;
    float got[10];
    OK(naru_engine_serialize(e, (void **)&data, &n, &err));
    uint64_t at = get64(data + 32 + 8), size = get64(data + 32 + 16);
    size_t loaded = 0;
    for (size_t k = 0; k < size; k++) {
        naru_error err = NARU_ERROR_INIT;
        data[at + k] ^= (uint8_t)(1 + k % 255);
        put64(data + 32 + 24, hash_bytes(data + at, size, 0));
        put64(data + 24, 0);
        put64(data + 24, hash_bytes(data, 4096, 0));
        naru_options *o = options_of("1", NULL);
        naru_engine *f = NULL;
        if (naru_engine_load_memory(data, n, NULL, o, &f, NULL, &err) == NARU_OK) {
            naru_context *c = NULL;
            float *x = random_floats(PIXELS, 3);
            assert_int_equal(naru_context_create(f, &c, &err), NARU_OK);
            run_cnn(c, 1, SIZE, x, got, &err); /* the profile may have changed */
            naru_context_destroy(&c);
            free(x);
            loaded++;
        }
        naru_engine_destroy(&f);
        naru_options_destroy(&o);
        data[at + k] ^= (uint8_t)(1 + k % 255);
    }
    assert_true(loaded > 0 && loaded < size);
    naru_engine_data_free((void **)&data);
    naru_engine_destroy(&e);
}

/* ---- what does not fit ---- */
/* A file of an older format is one of today's without the sections that came since. */
static void other_formats(void **state) {
    naru_engine *e = small(3, false), *f = NULL;
    uint8_t *data;
    size_t n;
    float want[10], got[10];
    run_engine(e, want);
    OK(naru_engine_serialize(e, (void **)&data, &n, &err));
    assert_int_equal(data[8], NEWEST);
    for (int version = 0; version <= NEWEST + 1; version++) {
        data[8] = (uint8_t)version;
        put64(data + 24, 0);
        put64(data + 24, hash_bytes(data, 4096, 0));
        naru_options *o = options_of("1", NULL);
        if (version < OLDEST || version > NEWEST) {
            REFUSES(naru_engine_load_memory(data, n, NULL, o, &f, NULL, &err), "this Naru reads");
        } else {
            OK(naru_engine_load_memory(data, n, NULL, o, &f, NULL, &err));
            run_engine(f, got);
            assert_memory_equal(got, want, sizeof want);
            naru_engine_destroy(&f);
        }
        naru_options_destroy(&o);
    }
    naru_engine_data_free((void **)&data);
    naru_engine_destroy(&e);
}

static void another_level_rebuilds(void **state) {
    naru_engine *e = small(3, false), *f;
    float want[10], got[10];
    void *data;
    size_t n;
    naru_report *r;
    naru_options *o = options_of("1", "ref");
    run_engine(e, want);
    OK(naru_report_create(&r, &err));
    OK(naru_engine_serialize(e, &data, &n, &err));
    OK(naru_engine_load_memory(data, n, NULL, o, &f, r, &err));
    naru_engine_info info = {.size = sizeof info};
    OK(naru_engine_get_info(f, &info));
    naru_engine_info mine = {.size = sizeof mine};
    OK(naru_engine_get_info(e, &mine));
    assert_string_equal(info.cpu, "ref");
    if (strcmp(mine.cpu, "ref") != 0) {
        assert_true(info.rebuilt && noted(r, "plan-rebuilt", "it was built for CPU level"));
        run_engine(f, got);
        assert_near(got, want, 10);
        naru_context *c; /* the profiles are kept */
        OK(naru_context_create(f, &c, &err));
        REFUSES(naru_context_set_input_shape(c, "input", 4, (int64_t[]){1, 3, 64, 64}, &err),
                "the engine takes 20 to 40");
        naru_context_destroy(&c);
    }
    naru_engine_destroy(&f);
    naru_engine_destroy(&e);
    naru_engine_data_free(&data);
    naru_report_destroy(&r);
    naru_options_destroy(&o);
}

static void without_weights(void **state) {
    naru_engine *e = small(3, true), *whole = small(3, false), *f;
    void *data, *all;
    size_t n, m;
    float want[10], got[10];
    naru_model *model, *other;
    naru_options *o = options_of("1", NULL);
    run_engine(e, want);
    OK(naru_engine_serialize(e, &data, &n, &err));
    OK(naru_engine_serialize(whole, &all, &m, &err));
    assert_true(n < m / 4);
    OK(naru_model_load(SMALLCNN, NULL, &model, &err));
    OK(naru_model_load(NARU_TEST_DATA "/smallcnn/smallcnn_static.onnx", NULL, &other, &err));
    REFUSES(naru_engine_load_memory(data, n, NULL, o, &f, NULL, &err), "it wants the model it was built from");
    REFUSES(naru_engine_load_memory(data, n, other, o, &f, NULL, &err), "not the one that the plan was built from");
    OK(naru_engine_load_memory(data, n, model, o, &f, NULL, &err));
    run_engine(f, got);
    assert_memory_equal(got, want, sizeof want);
    naru_engine_destroy(&f);
    naru_model_destroy(&model);
    naru_model_destroy(&other);
    naru_engine_data_free(&data);
    naru_engine_data_free(&all);
    naru_engine_destroy(&e);
    naru_engine_destroy(&whole);
    naru_options_destroy(&o);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "--run") == 0) return run_here(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),    cmocka_unit_test(in_another_process),     cmocka_unit_test(models),
        cmocka_unit_test(int8_models),   cmocka_unit_test(any_byte_flipped),       cmocka_unit_test(forged_hashes),
        cmocka_unit_test(other_formats), cmocka_unit_test(another_level_rebuilds), cmocka_unit_test(without_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
