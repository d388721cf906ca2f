/* SPDX-License-Identifier: MIT
 *
 * Recorded calls of tests/data/models: a session, its inputs from NAME.npz, and outputs that the caller owns.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "naru/session.h"

enum { MAX_PORTS = 16 };

typedef struct recorded {
    size_t nin, nout;
    const char *in_names[MAX_PORTS], *out_names[MAX_PORTS];
    char text[2 * MAX_PORTS][64];
    naru_value *in[MAX_PORTS], *want[MAX_PORTS];
} recorded;

static inline naru_session *open_session(const char *file, const char *threads) {
    char path[500];
    naru_error err = NARU_ERROR_INIT;
    naru_options *o;
    naru_session *s = NULL;
    snprintf(path, sizeof path, "%s/models/%s", NARU_TEST_DATA, file);
    assert_int_equal(naru_options_create(&o, &err), NARU_OK);
    assert_int_equal(naru_options_set(o, "threads", threads, &err), NARU_OK);
    if (naru_session_load(path, o, &s, NULL, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_options_destroy(&o);
    return s;
}

static inline naru_value *read_value(naru_npz *z, const char *key) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t;
    naru_value *v;
    if (naru_npz_read(z, key, &t, &err) != NARU_OK) fail_msg("%s: %s", key, err.message);
    assert_int_equal(naru_value_from_tensor(t, &v, &err), NARU_OK);
    naru_tensor_destroy(&t);
    return v;
}

/* Call `k` of models/NAME.npz for the session's ports. */
static inline void read_call(const naru_session *s, const char *name, int k, recorded *r) {
    char path[500], key[100];
    naru_npz *z;
    naru_error err = NARU_ERROR_INIT;
    memset(r, 0, sizeof *r);
    snprintf(path, sizeof path, "%s/models/%s.npz", NARU_TEST_DATA, name);
    if (naru_npz_open(path, &z, &err) != NARU_OK) fail_msg("%s", err.message);
    naru_port p;
    r->nin = naru_session_inputs(s);
    r->nout = naru_session_outputs(s);
    assert_true(r->nin <= MAX_PORTS && r->nout <= MAX_PORTS);
    for (size_t i = 0; i < r->nin + r->nout; i++) {
        bool input = i < r->nin;
        assert_int_equal(input ? naru_session_input(s, i, &p) : naru_session_output(s, i - r->nin, &p), NARU_OK);
        snprintf(r->text[i], sizeof r->text[i], "%s", p.name);
        snprintf(key, sizeof key, "c%d_%s_%s", k, input ? "in" : "out", p.name);
        if (input) r->in_names[i] = r->text[i], r->in[i] = read_value(z, key);
        else r->out_names[i - r->nin] = r->text[i], r->want[i - r->nin] = read_value(z, key);
    }
    naru_npz_close(&z);
}

static inline void drop_call(recorded *r) {
    for (size_t i = 0; i < r->nin; i++) naru_value_destroy(&r->in[i]);
    for (size_t i = 0; i < r->nout; i++) naru_value_destroy(&r->want[i]);
}

/* Tensors like the recorded outputs, for the run to fill. */
static inline void make_outputs(const recorded *r, naru_value **out) {
    naru_error err = NARU_ERROR_INIT;
    for (size_t i = 0; i < r->nout; i++) {
        const naru_tensor *w = naru_value_tensor(r->want[i]);
        naru_tensor *t;
        assert_int_equal(naru_tensor_create(naru_tensor_dtype(w), naru_tensor_rank(w), naru_tensor_dims(w), &t, &err),
                         NARU_OK);
        assert_int_equal(naru_value_from_tensor(t, &out[i], &err), NARU_OK);
        naru_tensor_destroy(&t);
    }
}

static inline void assert_outputs(const recorded *r, naru_value *const *out) {
    for (size_t i = 0; i < r->nout; i++) {
        naru_comparison c = {.size = sizeof c};
        naru_error err = NARU_ERROR_INIT;
        assert_int_equal(
            naru_tensor_compare(naru_value_tensor(out[i]), naru_value_tensor(r->want[i]), 1e-3, 2e-5, &c, &err),
            NARU_OK);
        if (!c.equal) fail_msg("%s: %s", r->out_names[i], c.message);
    }
}

#endif
