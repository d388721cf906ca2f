/* SPDX-License-Identifier: MIT
 *
 * Building engines of the models in tests/data, and running them on random data.
 */
#ifndef TESTS_BUILD_CALLS_H
#define TESTS_BUILD_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "naru/naru.h"

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        naru_error err = NARU_ERROR_INIT;                                                                              \
        if ((call) != NARU_OK) fail_msg("%s:%d: %s", __FILE__, __LINE__, err.message);                                 \
    } while (0)
/* The call fails, with this in its message. */
#define REFUSES(call, text)                                                                                            \
    do {                                                                                                               \
        naru_error err = NARU_ERROR_INIT;                                                                              \
        if ((call) == NARU_OK) fail_msg("%s:%d: went through", __FILE__, __LINE__);                                    \
        if (!strstr(err.message, text)) fail_msg("%s:%d: says: %s", __FILE__, __LINE__, err.message);                  \
    } while (0)

#define SMALLCNN NARU_TEST_DATA "/smallcnn/smallcnn_dynamic_op17.onnx"

static inline naru_network *open_network(const char *path) {
    naru_model *m;
    naru_network *n;
    OK(naru_model_load(path, NULL, &m, &err));
    OK(naru_network_create(m, &n, &err));
    naru_model_destroy(&m);
    return n;
}

static inline naru_options *options_of(const char *threads, const char *cpu) {
    naru_options *o;
    OK(naru_options_create(&o, &err));
    OK(naru_options_set(o, "threads", threads, &err));
    if (cpu) OK(naru_options_set(o, "cpu", cpu, &err));
    return o;
}

static inline naru_builder_config *config_of(int level, const char *threads, const char *cpu) {
    naru_builder_config *c;
    naru_options *o = options_of(threads, cpu);
    OK(naru_builder_config_create(&c, &err));
    OK(naru_builder_config_set_level(c, level, &err));
    OK(naru_builder_config_set_options(c, o, &err));
    naru_options_destroy(&o);
    return c;
}

/* SmallCNN's images: batch 1..4, size lo..hi. */
static inline void add_size_profile(naru_builder_config *c, int64_t lo, int64_t opt, int64_t hi) {
    naru_profile *p;
    OK(naru_profile_create(&p, &err));
    OK(naru_profile_set_dims(p, "input", NARU_MIN, 4, (int64_t[]){1, 3, lo, lo}, &err));
    OK(naru_profile_set_dims(p, "input", NARU_OPT, 4, (int64_t[]){1, 3, opt, opt}, &err));
    OK(naru_profile_set_dims(p, "input", NARU_MAX, 4, (int64_t[]){4, 3, hi, hi}, &err));
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    naru_profile_destroy(&p);
}

static inline float *random_floats(size_t n, unsigned seed) {
    float *x = malloc((n + 1) * sizeof *x);
    uint64_t s = seed * 7919u + 1;
    for (size_t i = 0; i < n; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(s >> 33) * 0x1p-30 - 1);
    }
    return x;
}

/* Models of tests/data/models: batches of 2, all other sizes that are not fixed are `size`. */
static inline int64_t open_size(const naru_port *p, int axis, int64_t size) {
    if (p->dims[axis] >= 0) return p->dims[axis];
    return p->symbols[axis] ? strcmp(p->symbols[axis], "batch") == 0 ? 2 : size : axis == 0 ? 2 : size;
}

static inline void add_uniform_profile(naru_network *n, naru_builder_config *c, int64_t size) {
    naru_profile *p;
    naru_port port = {.size = sizeof port};
    OK(naru_profile_create(&p, &err));
    for (size_t i = 0; naru_network_input(n, i, &port) == NARU_OK; i++)
        for (int b = 0; b < 3; b++) {
            int64_t d[NARU_MAX_RANK];
            for (int k = 0; k < port.rank; k++) d[k] = open_size(&port, k, size);
            OK(naru_profile_set_dims(p, port.name, (naru_select)b, port.rank, d, &err));
        }
    OK(naru_builder_config_add_profile(c, p, NULL, &err));
    naru_profile_destroy(&p);
}

static inline void give_random_inputs(naru_context *c, naru_engine *e, int64_t size) {
    naru_port port = {.size = sizeof port};
    for (size_t i = 0; naru_engine_input(e, i, &port) == NARU_OK; i++) {
        int64_t d[NARU_MAX_RANK];
        naru_tensor *t;
        naru_value *v;
        for (int k = 0; k < port.rank; k++) d[k] = open_size(&port, k, size);
        OK(naru_tensor_create(port.dtype, port.rank, d, &t, &err));
        size_t count = (size_t)naru_tensor_count(t);
        if (port.dtype == NARU_FLOAT) {
            float *x = random_floats(count, (unsigned)i);
            memcpy(naru_tensor_data(t), x, 4 * count);
            free(x);
        }
        OK(naru_value_from_tensor(t, &v, &err));
        OK(naru_context_set_input(c, port.name, v, &err));
        naru_value_destroy(&v);
        naru_tensor_destroy(&t);
    }
}

/* One run of SmallCNN; out: 10 * batch. */
static inline naru_status run_cnn(naru_context *c, int64_t batch, int64_t size, float *x, float *out, naru_error *err) {
    naru_status st = naru_context_set_input_shape(c, "input", 4, (int64_t[]){batch, 3, size, size}, err);
    if (st == NARU_OK) st = naru_context_set_address(c, "input", x, (size_t)(batch * 3 * size * size) * 4, err);
    if (st == NARU_OK) st = naru_context_set_address(c, "logits", out, (size_t)batch * 40, err);
    return st == NARU_OK ? naru_context_run(c, err) : st;
}

/* The same by a session. */
static inline void session_cnn(naru_session *s, int64_t batch, int64_t size, float *x, float *out) {
    naru_tensor *t;
    naru_value *in, *got = NULL;
    OK(naru_tensor_wrap(NARU_FLOAT, 4, (int64_t[]){batch, 3, size, size}, x, (size_t)(batch * 3 * size * size) * 4,
                        NULL, NULL, &t, &err));
    OK(naru_value_from_tensor(t, &in, &err));
    OK(naru_session_run(s, 1, (const char *[]){"input"}, &in, 1, (const char *[]){"logits"}, &got, &err));
    memcpy(out, naru_tensor_data(naru_value_tensor(got)), (size_t)batch * 40);
    naru_value_destroy(&got);
    naru_value_destroy(&in);
    naru_tensor_destroy(&t);
}

static inline void assert_near(const float *got, const float *want, int n) {
    for (int i = 0; i < n; i++)
        if (!(got[i] - want[i] <= 1e-4f && want[i] - got[i] <= 1e-4f))
            fail_msg("element %d: %g, want %g", i, (double)got[i], (double)want[i]);
}

#endif
