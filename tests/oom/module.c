/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails while archives are loaded, looked at, called (operator by operator, and by regions that are
 * made and used), saved and exported: each time OUT_OF_MEMORY or, where the call can do without, the right answer; and
 * nothing left.
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
#include "naru/naru.h"
#include "oom_sweep.h"

static const char *regions;
static naru_ivalue *args[2];
static size_t nargs;

/* ---- actions ---- */
static naru_status load(const char *path, naru_module **m, naru_error *err) {
    naru_options *o = NULL;
    naru_status st = naru_options_create(&o, err);
    if (st == NARU_OK) st = naru_options_set(o, "threads", "1", err);
    if (st == NARU_OK) st = naru_options_set(o, "regions", regions, err);
    if (st == NARU_OK) st = naru_module_load(path, o, m, err);
    naru_options_destroy(&o);
    return st;
}

static naru_status look(naru_module *m, naru_error *err) {
    naru_module_info info = {.size = sizeof info};
    naru_report *report = NULL;
    const char *signature;
    naru_status st = naru_module_get_info(m, &info);
    for (size_t i = 0; naru_module_method(m, i, &signature); i++) continue;
    if (st == NARU_OK) st = naru_report_create(&report, err);
    if (st == NARU_OK) st = naru_module_check(m, report, err);
    naru_report_destroy(&report);
    return st;
}

static naru_status call(const void *path, naru_error *err) {
    naru_module *m = NULL;
    naru_ivalue *out = NULL;
    char *text = NULL;
    naru_status st = load(path, &m, err);
    if (st == NARU_OK) st = look(m, err);
    for (int again = 0; st == NARU_OK && again < 2; again++) {
        naru_ivalue_destroy(&out);
        st = naru_module_call(m, "forward", nargs, args, &out, err);
    }
    if (st == NARU_OK) st = naru_ivalue_print(out, &text, err);
    naru_text_free(&text);
    naru_ivalue_destroy(&out);
    naru_module_destroy(&m);
    return st;
}

static naru_status save(const void *path, naru_error *err) {
    char to[] = "/tmp/naru_oom_module_XXXXXX";
    int fd = mkstemp(to);
    naru_module *m = NULL;
    close(fd);
    naru_status st = load(path, &m, err);
    if (st == NARU_OK) st = naru_module_save(m, to, err);
    naru_module_destroy(&m);
    unlink(to);
    return st;
}

static naru_status export(const void *path, naru_error *err) {
    char to[] = "/tmp/naru_oom_module_XXXXXX";
    int fd = mkstemp(to);
    naru_module *m = NULL;
    naru_export_input in[] = {{.size = sizeof *in, .name = "x", .dtype = NARU_FLOAT, .rank = 2, .dims = {-1, 6}},
                              {.size = sizeof *in, .name = "steps", .dtype = NARU_INT64}};
    naru_export_options o = {.size = sizeof o, .opset = 17, .inputs = in, .ninputs = 2};
    close(fd);
    naru_status st = load(path, &m, err);
    if (st == NARU_OK) st = naru_export(m, &o, to, NULL, err);
    naru_module_destroy(&m);
    unlink(to);
    return st;
}

/* ---- sweeps ---- */
static void sweep(sweep_action act, const char *path, long dense) {
    naru_error first = NARU_ERROR_INIT;
    if (act(path, &first) != NARU_OK) fail_msg("%s: %s", path, first.message); /* tables of the process stay */
    sweep_with(path, act, path, (sweep_rules){dense, 20, false});
}

#define SUITE NARU_TEST_DATA "/script/torch-2.15/"

static void with_args(size_t n, naru_ivalue *a, naru_ivalue *b) { args[0] = a, args[1] = b, nargs = n; }

static void drop_args(void) {
    for (size_t i = 0; i < nargs; i++) naru_ivalue_destroy(&args[i]);
}

static naru_ivalue *number(int64_t v) {
    naru_ivalue *out;
    naru_ivalue_int(v, &out, NULL);
    return out;
}

static naru_ivalue *real(double v) {
    naru_ivalue *out;
    naru_ivalue_double(v, &out, NULL);
    return out;
}

static naru_ivalue *tensor(naru_dtype d, int rank, const int64_t *dims) {
    naru_tensor *t;
    naru_ivalue *out;
    naru_tensor_create(d, rank, dims, &t, NULL);
    naru_ivalue_tensor(t, &out, NULL);
    naru_tensor_destroy(&t);
    return out;
}

static void calls(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        regions = k ? "1" : "0";
        with_args(1, number(3), NULL);
        sweep(call, SUITE "control_loops.pt", 200);
        sweep(call, SUITE "type_enum.pt", 100);
        drop_args();
        with_args(2, real(3), real(4));
        sweep(call, SUITE "type_class.pt", 200);
        drop_args();
        with_args(2, tensor(NARU_FLOAT, 2, (int64_t[]){2, 6}), tensor(NARU_INT64, 0, NULL));
        sweep(call, NARU_TEST_DATA "/models/router.pt", 300);
        drop_args();
        with_args(1, tensor(NARU_FLOAT, 4, (int64_t[]){1, 3, 9, 9}), NULL);
        sweep(call, NARU_TEST_DATA "/smallcnn/smallcnn_script.pt", 200);
        drop_args();
    }
}

static void saving(void **state) {
    (void)state;
    regions = "1";
    sweep(save, NARU_TEST_DATA "/torch/tied.pt", 300);
    sweep(save, SUITE "module_state.pt", 300);
}

static void exporting(void **state) {
    (void)state;
    regions = "1";
    sweep(export, NARU_TEST_DATA "/models/router.pt", 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls), cmocka_unit_test(saving), cmocka_unit_test(exporting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
