/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails, for n = 0, 1, ... until the action succeeds: every failure must say OUT_OF_MEMORY (or, for
 * a check, nothing at all), crash nowhere and leak nothing. Actions: files of tensors, loading, checking, compiling,
 * running and saving small models that between them hold every kind of attribute, bodies, functions and sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "formats/npy/npy.h"
#include "naru/naru.h"

#include "oom_sweep.h"

enum { DENSE = 600, SPARSE = 200 };

static void sweep_from(sweep_action act, const char *path, long dense) {
    sweep_with(path, act, path, (sweep_rules){dense, 1, false});
}

static void sweep(sweep_action act, const char *path) { sweep_from(act, path, DENSE); }

/* ---- actions ---- */
static naru_status load(const void *path, naru_error *err) {
    naru_model *m = NULL;
    naru_status st = naru_model_load(path, NULL, &m, err);
    naru_model_destroy(&m);
    return st;
}

static naru_status check(const void *path, naru_error *err) {
    naru_model *m = NULL;
    naru_report *r = NULL;
    naru_status st = naru_report_create(&r, err);
    if (st == NARU_OK) st = naru_model_load(path, NULL, &m, err);
    if (st == NARU_OK) st = naru_model_check(m, r, err);
    naru_model_destroy(&m);
    naru_report_destroy(&r);
    return st;
}

static char saved[] = "/tmp/naru_oom_XXXXXX";

static naru_status save(const void *path, naru_error *err) {
    naru_model *m = NULL;
    naru_status st = naru_model_load(path, NULL, &m, err);
    if (st == NARU_OK) st = naru_model_save(m, saved, false, err);
    naru_model_destroy(&m);
    return st;
}

static naru_status convert(const void *path, naru_error *err) {
    naru_model *m = NULL, *older = NULL;
    naru_report *r = NULL;
    naru_status st = naru_report_create(&r, err);
    if (st == NARU_OK) st = naru_model_load(path, NULL, &m, err);
    if (st == NARU_OK) st = naru_model_convert(m, 13, &older, r, err);
    if (st == NARU_UNSUPPORTED) st = NARU_OK; /* refused is a result */
    if (st == NARU_OK && older) st = naru_model_save(older, saved, false, err);
    naru_model_destroy(&older);
    naru_model_destroy(&m);
    naru_report_destroy(&r);
    return st;
}

static naru_status input_of(const naru_port *p, naru_value **out, naru_error *err) {
    int64_t dims[NARU_MAX_RANK];
    for (int d = 0; d < p->rank; d++) dims[d] = p->dims[d] < 0 ? d < 1 ? 2 : 3 : p->dims[d];
    naru_tensor *t = NULL;
    naru_status st = naru_tensor_create(p->dtype, p->rank < 0 ? 0 : p->rank, dims, &t, err);
    if (st == NARU_OK) st = naru_value_from_tensor(t, out, err);
    naru_tensor_destroy(&t);
    return st;
}

enum { PORTS = 8 };

static naru_status run(naru_session *s, naru_error *err) {
    const char *in_names[PORTS], *out_names[PORTS];
    naru_value *in[PORTS] = {0}, *out[PORTS] = {0};
    naru_port p = {.size = sizeof p};
    naru_status st = NARU_OK;
    size_t nin = naru_session_inputs(s), nout = naru_session_outputs(s);
    assert_true(nin <= PORTS && nout <= PORTS);
    for (size_t i = 0; st == NARU_OK && i < nin; i++) {
        naru_session_input(s, i, &p);
        in_names[i] = p.name;
        st = input_of(&p, &in[i], err);
    }
    for (size_t i = 0; i < nout; i++) naru_session_output(s, i, &p), out_names[i] = p.name;
    if (st == NARU_OK) st = naru_session_run(s, nin, in_names, in, nout, out_names, out, err);
    for (size_t i = 0; i < nin; i++) naru_value_destroy(&in[i]);
    for (size_t i = 0; i < nout; i++) naru_value_destroy(&out[i]);
    return st;
}

static naru_status compile_and_run(const char *path, const char *evaluator, naru_error *err) {
    naru_options *o = NULL;
    naru_session *s = NULL;
    naru_status st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK) st = naru_options_set(o, "evaluator", evaluator, err);
    if (st == NARU_OK) st = naru_session_load(path, o, &s, NULL, err);
    if (st == NARU_OK) st = run(s, err);
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    return st;
}

static naru_status engine(const void *path, naru_error *err) { return compile_and_run(path, "engine", err); }
static naru_status reference(const void *path, naru_error *err) { return compile_and_run(path, "reference", err); }

static naru_status read_npz(const void *path, naru_error *err) {
    naru_npz *z = NULL;
    naru_tensor *t = NULL;
    naru_status st = naru_npz_open(path, &z, err);
    if (st == NARU_OK) st = naru_npz_read(z, naru_npz_key(z, 0), &t, err);
    if (st == NARU_OK) st = naru_npz_write(saved, 1, (const char *[]){"x"}, &t, true, err);
    naru_tensor_destroy(&t);
    naru_npz_close(&z);
    return st;
}

static naru_status read_npy(const void *path, naru_error *err) {
    naru_tensor *t = NULL;
    str text = {0};
    naru_status st = npy_load(path, &t, err);
    if (st == NARU_OK) st = npy_print(t, &text, err);
    str_free(&text);
    naru_tensor_destroy(&t);
    return st;
}

/* Real models on their first recorded call, whose inputs stand here while allocations fail. */
static struct {
    const char *names[PORTS];
    naru_value *values[PORTS];
    size_t count;
} call;

static void load_call(const char *path) {
    naru_npz *z;
    assert_int_equal(naru_npz_open(path, &z, NULL), NARU_OK);
    for (size_t i = 0; i < naru_npz_count(z); i++) {
        naru_tensor *t;
        if (strncmp(naru_npz_key(z, i), "c0_in_", 6) != 0) continue;
        assert_int_equal(naru_npz_read(z, naru_npz_key(z, i), &t, NULL), NARU_OK);
        assert_true(call.count < PORTS);
        call.names[call.count] = strdup(naru_npz_key(z, i) + 6);
        assert_int_equal(naru_value_from_tensor(t, &call.values[call.count++], NULL), NARU_OK);
        naru_tensor_destroy(&t);
    }
    naru_npz_close(&z);
}

static void drop_call(void) {
    for (size_t i = 0; i < call.count; i++) {
        free((char *)call.names[i]);
        naru_value_destroy(&call.values[i]);
    }
    call.count = 0;
}

static naru_status recorded(const void *path, naru_error *err) {
    naru_options *o = NULL;
    naru_session *s = NULL;
    naru_value *out = NULL;
    naru_port p = {.size = sizeof p};
    naru_status st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK) st = naru_session_load(path, o, &s, NULL, err);
    if (st == NARU_OK) st = naru_session_output(s, 0, &p);
    if (st == NARU_OK) st = naru_session_run(s, call.count, call.names, call.values, 1, &p.name, &out, err);
    naru_value_destroy(&out);
    naru_session_destroy(&s);
    naru_options_destroy(&o);
    return st;
}

/* ---- tests ---- */
static const char *const seeds[] = {"good.onnx", "conv.onnx",   "if.onnx",    "loop.onnx", "rich.onnx",
                                    "seq.onnx",  "shapes.onnx", "small.onnx", "types.onnx"};

static void each_seed(sweep_action act) {
    char path[512];
    for (size_t i = 0; i < COUNT_OF(seeds); i++) {
        snprintf(path, sizeof path, NARU_SOURCE_DIR "/fuzz/seeds/session/%s", seeds[i]);
        sweep(act, path);
    }
}

static void loading(void **state) { each_seed(load); }
static void saving(void **state) { each_seed(save); }
static void converting(void **state) {
    each_seed(convert);
    sweep_from(convert, NARU_TEST_DATA "/models/encoder_dynamo.onnx", SPARSE);
    sweep_from(convert, NARU_TEST_DATA "/models/router_op17.onnx", SPARSE);
    sweep(convert, NARU_TEST_DATA "/convert/many.onnx");
    sweep(convert, NARU_TEST_DATA "/convert/scan.onnx");
}
static void checking(void **state) { each_seed(check); }
static void checking_bad(void **state) {
    sweep(check, NARU_TEST_DATA "/bad/undefined_names.onnx");
    sweep(check, NARU_TEST_DATA "/bad/twice_defined.onnx");
    sweep(check, NARU_TEST_DATA "/bad/unknown_operator.onnx");
}
static const char *const runnable[] = {"good.onnx", "conv.onnx", "if.onnx", "loop.onnx", "shapes.onnx"};
static void each_runnable(sweep_action act) {
    char path[512];
    for (size_t i = 0; i < COUNT_OF(runnable); i++) {
        snprintf(path, sizeof path, NARU_SOURCE_DIR "/fuzz/seeds/session/%s", runnable[i]);
        sweep(act, path);
    }
}
static void engines(void **state) { each_runnable(engine); }
static void references(void **state) { each_runnable(reference); }
static void tensors(void **state) {
    sweep(read_npz, NARU_TEST_DATA "/models/router.npz");
    sweep(read_npy, NARU_SOURCE_DIR "/fuzz/seeds/npy/text.npy");
    sweep(read_npy, NARU_SOURCE_DIR "/fuzz/seeds/npy/fortran_big.npy");
}

static void real_models(void **state) {
    static const char *const names[] = {"router", "lstm", "encoder", "mobile", "llama", "detector", "unet"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[512];
        snprintf(path, sizeof path, NARU_TEST_DATA "/models/%s.npz", names[i]);
        load_call(path);
        snprintf(path, sizeof path, NARU_TEST_DATA "/models/%s_op17.onnx", names[i]);
        sweep_from(recorded, path, SPARSE);
        drop_call();
    }
}

static int begin(void **state) {
    int fd = mkstemp(saved);
    if (fd >= 0) close(fd);
    return fd < 0 || failing_start() != NARU_OK;
}
static int end(void **state) { return unlink(saved); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors),  cmocka_unit_test(loading),      cmocka_unit_test(saving),
        cmocka_unit_test(checking), cmocka_unit_test(checking_bad), cmocka_unit_test(references),
        cmocka_unit_test(engines),  cmocka_unit_test(real_models),  cmocka_unit_test(converting),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
