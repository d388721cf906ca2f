/* SPDX-License-Identifier: MIT
 *
 * For tests with cmocka: open a session, run it on tensors, read arrays, all asserting success.
 */
#ifndef TESTS_RUN_SESSION_H
#define TESTS_RUN_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "naru/session.h"

enum { TEST_PORTS_MAX = 8 };

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        naru_status status_ = (call);                                                                                  \
        if (status_ != NARU_OK) fail_msg("%s: %s", #call, err.message[0] ? err.message : naru_status_text(status_));   \
    } while (0)

static inline naru_session *open_session(const char *file, const char *cpu, const char *threads) {
    char path[1000];
    naru_error err = NARU_ERROR_INIT;
    naru_options *options = NULL;
    naru_session *session = NULL;
    snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, file);
    OK(naru_options_create(&options, &err));
    OK(naru_options_set(options, "cpu", cpu, &err));
    OK(naru_options_set(options, "threads", threads, &err));
    OK(naru_session_load(path, options, &session, NULL, &err));
    naru_options_destroy(&options);
    return session;
}

static inline naru_tensor *new_tensor(naru_dtype dtype, int rank, const int64_t *dims) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    OK(naru_tensor_create(dtype, rank, dims, &t, &err));
    return t;
}

static inline naru_tensor *read_array(const char *file, const char *key) {
    char path[1000];
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *t = NULL;
    snprintf(path, sizeof path, "%s/%s:%s", NARU_TEST_DATA, file, key);
    OK(naru_tensor_load(path, &t, &err));
    return t;
}

/* in_names[i] -> in[i]; out[k] becomes the output named out_names[k], for the caller to destroy. */
static inline void run_session(naru_session *s, size_t nin, const char *const *in_names, naru_tensor *const *in,
                               size_t nout, const char *const *out_names, naru_tensor **out) {
    naru_error err = NARU_ERROR_INIT;
    naru_value *values[TEST_PORTS_MAX] = {0}, *results[TEST_PORTS_MAX] = {0};
    for (size_t i = 0; i < nin; i++) OK(naru_value_from_tensor(in[i], &values[i], &err));
    OK(naru_session_run(s, nin, in_names, values, nout, out_names, results, &err));
    for (size_t i = 0; i < nin; i++) naru_value_destroy(&values[i]);
    for (size_t k = 0; k < nout; k++) {
        assert_non_null(naru_value_tensor(results[k]));
        out[k] = naru_tensor_retain(naru_value_tensor(results[k]));
        naru_value_destroy(&results[k]);
    }
}

static inline void assert_close(const naru_tensor *got, const naru_tensor *want, double rtol, double atol) {
    naru_error err = NARU_ERROR_INIT;
    naru_comparison c = {.size = sizeof c};
    OK(naru_tensor_compare(got, want, rtol, atol, &c, &err));
    if (!c.equal) fail_msg("%s", c.message);
}

#endif
