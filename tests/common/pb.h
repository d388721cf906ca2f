/* SPDX-License-Identifier: MIT
 *
 * Small ONNX models as bytes, built field by field: what the reader's and the writer's tests start from.
 */
#ifndef TESTS_PB_H
#define TESTS_PB_H

#include "formats/onnx/onnx.h"
#include "formats/onnx/wire.h"

static inline void pb_node(str *g, const char *op, const char *in0, const char *in1, const char *out) {
    str n = {0};
    wire_put_text(&n, 1, in0);
    if (in1) wire_put_text(&n, 1, in1);
    wire_put_text(&n, 2, out);
    wire_put_text(&n, 4, op);
    wire_put_message(g, 1, &n);
}

/* float[batch,n] value info in field 11 (input) or 12 (output). */
static inline void pb_port(str *g, uint32_t field, const char *name, int64_t n) {
    str info = {0}, kind = {0}, tensor = {0}, shape = {0}, d0 = {0}, d1 = {0};
    wire_put_text(&d0, 2, "batch");
    wire_put_int(&d1, 1, n);
    wire_put_message(&shape, 1, &d0);
    wire_put_message(&shape, 1, &d1);
    wire_put_int(&tensor, 1, NARU_FLOAT);
    wire_put_message(&tensor, 2, &shape);
    wire_put_message(&kind, 1, &tensor);
    wire_put_text(&info, 1, name);
    wire_put_message(&info, 2, &kind);
    wire_put_message(g, field, &info);
}

/* Float initializer of `n` elements 0, 1, 2, ... as raw data. */
static inline void pb_weights(str *g, const char *name, int64_t n) {
    str t = {0}, raw = {0};
    for (int64_t i = 0; i < n; i++) str_add_n(&raw, (const char *)&(float){(float)i}, sizeof(float));
    wire_put_int(&t, 1, n);
    wire_put_int(&t, 2, NARU_FLOAT);
    wire_put_text(&t, 8, name);
    wire_put_message(&t, 9, &raw);
    wire_put_message(g, 5, &t);
}

/* Consumes g. */
static inline str pb_model(str *g, int64_t ir, int64_t version) {
    str m = {0}, import = {0};
    wire_put_text(&import, 1, "");
    wire_put_int(&import, 2, version);
    wire_put_int(&m, 1, ir);
    wire_put_text(&m, 2, "test");
    wire_put_message(&m, 7, g);
    wire_put_message(&m, 8, &import);
    return m;
}

/* y = (x + w) relu, w of 4 elements. */
static inline str pb_small_model(void) {
    str g = {0};
    pb_node(&g, "Add", "x", "w", "sum");
    pb_node(&g, "Relu", "sum", NULL, "y");
    wire_put_text(&g, 2, "small");
    pb_weights(&g, "w", 4);
    pb_port(&g, 11, "x", 4);
    pb_port(&g, 12, "y", 4);
    return pb_model(&g, 8, 17);
}

#endif
