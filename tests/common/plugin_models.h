/* SPDX-License-Identifier: MIT
 *
 * Models of plugins' nodes, made on the spot, and running them.
 */
#ifndef TESTS_PLUGIN_MODELS_H
#define TESTS_PLUGIN_MODELS_H

#include <math.h>

#include "build_calls.h"
#include "pb.h"

/* One node; inputs are x and, where weights > 0, w, which holds weights floats 0, 1, 2, ...; floats: name, value, ...
 * x is float[batch, width], y has `out` columns. */
typedef struct plugin_model {
    const char *domain, *op, *attr;
    float value;
    int64_t width, out, weights;
    int64_t import; /* version of the domain; 0: not imported */
} plugin_model;

static inline str plugin_model_bytes(const plugin_model *m) {
    str g = {0}, n = {0}, a = {0}, import = {0};
    wire_put_text(&n, 1, "x");
    if (m->weights) wire_put_text(&n, 1, "w");
    wire_put_text(&n, 2, "y");
    wire_put_text(&n, 3, "the_node");
    wire_put_text(&n, 4, m->op);
    if (m->attr) {
        wire_put_text(&a, 1, m->attr);
        wire_put_float(&a, 2, m->value);
        wire_put_int(&a, 20, 1); /* FLOAT */
        wire_put_message(&n, 5, &a);
    }
    wire_put_text(&n, 7, m->domain);
    wire_put_message(&g, 1, &n);
    wire_put_text(&g, 2, "one");
    if (m->weights) pb_weights(&g, "w", m->weights);
    pb_port(&g, 11, "x", m->width);
    pb_port(&g, 12, "y", m->out);
    str out = pb_model(&g, 8, 17);
    if (!m->import) return out;
    wire_put_text(&import, 1, m->domain);
    wire_put_int(&import, 2, m->import);
    wire_put_message(&out, 8, &import);
    return out;
}

/* y = silu(a) * b of naru.example, with the bias 0, 1, 2, ... and alpha 0.5 */
static inline str swiglu_model(void) {
    return plugin_model_bytes(
        &(plugin_model){"naru.example", "SwiGLU", "alpha", 0.5f, .width = 8, .out = 4, .weights = 8, .import = 1});
}

static inline void swiglu_want(const float *x, int64_t rows, int64_t n, float alpha, bool bias, double *y) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++) {
            double v = (double)alpha * ((double)x[r * 2 * n + i] + (bias ? (double)i : 0));
            y[r * n + i] = v / (1 + exp(-v)) * ((double)x[r * 2 * n + n + i] + (bias ? (double)(n + i) : 0));
        }
}

static inline naru_status session_of(const str *model, const naru_options *o, naru_session **s, naru_report *r,
                                     naru_error *err) {
    naru_model *m = NULL;
    *s = NULL;
    naru_status st = naru_model_load_memory(model->data, model->len, &m, err);
    if (st == NARU_OK) st = naru_session_create(m, o, s, r, err);
    naru_model_destroy(&m);
    return st;
}

/* x is [rows, width]; *y a new tensor. */
static inline naru_status run_plugin(naru_session *s, float *x, int64_t rows, int64_t width, naru_tensor **y,
                                     naru_error *err) {
    naru_tensor *t = NULL;
    naru_value *in = NULL, *out = NULL;
    *y = NULL;
    naru_status st =
        naru_tensor_wrap(NARU_FLOAT, 2, (int64_t[]){rows, width}, x, (size_t)(rows * width) * 4, NULL, NULL, &t, err);
    if (st == NARU_OK) st = naru_value_from_tensor(t, &in, err);
    if (st == NARU_OK) st = naru_session_run(s, 1, (const char *[]){"x"}, &in, 1, (const char *[]){"y"}, &out, err);
    if (st == NARU_OK) *y = naru_tensor_retain(naru_value_tensor(out));
    naru_value_destroy(&out);
    naru_value_destroy(&in);
    naru_tensor_destroy(&t);
    return st;
}

#endif
