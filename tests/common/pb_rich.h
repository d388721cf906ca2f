/* SPDX-License-Identifier: MIT
 *
 * One model that holds everything a file can: every attribute kind, a function, metadata at every level, fields of the
 * future.
 */
#ifndef TESTS_PB_RICH_H
#define TESTS_PB_RICH_H

#include "pb.h"

static inline void put_attr(str *n, const char *name, int kind, uint32_t field, str *payload) {
    str a = {0};
    wire_put_text(&a, 1, name);
    if (field) wire_put_message(&a, field, payload);
    else str_add_n(&a, payload->data, payload->len), str_free(payload);
    wire_put_text(&a, 13, "about it");
    wire_put_int(&a, 20, kind);
    wire_put_text(&a, 4000, "attribute's later field");
    wire_put_message(n, 5, &a);
}

static inline str small_tensor(const char *name) {
    str t = {0};
    float v = 2.5f;
    wire_put_int(&t, 2, NARU_FLOAT);
    wire_put_text(&t, 8, name);
    wire_put_bytes(&t, 9, &v, sizeof v);
    wire_put_text(&t, 12, "tensor's doc");
    return t;
}

static inline void put_every_attribute(str *n) {
    str p = {0};
    wire_put_float(&p, 2, 1.25f), put_attr(n, "f", ATTR_FLOAT, 0, &p);
    wire_put_int(&p, 3, -7), put_attr(n, "i", ATTR_INT, 0, &p);
    wire_put_bytes(&p, 4, "by\0tes", 6), put_attr(n, "s", ATTR_STRING, 0, &p);
    p = small_tensor("inner"), put_attr(n, "t", ATTR_TENSOR, 5, &p);
    for (int i = 0; i < 3; i++) wire_put_float(&p, 7, (float)i);
    put_attr(n, "fs", ATTR_FLOATS, 0, &p);
    for (int i = 0; i < 3; i++) wire_put_int(&p, 8, i - 1);
    put_attr(n, "is", ATTR_INTS, 0, &p);
    wire_put_text(&p, 9, "a"), wire_put_text(&p, 9, ""), put_attr(n, "ss", ATTR_STRINGS, 0, &p);
    p = (str){0}, put_attr(n, "none", ATTR_INTS, 0, &p);
    pb_node(&p, "Relu", "x", NULL, "inner_y"), put_attr(n, "g", ATTR_GRAPH, 6, &p);
    str r = {0};
    wire_put_text(&r, 21, "outer_axis"), put_attr(n, "ref", ATTR_INT, 0, &r);
}

static inline void put_function(str *m) {
    str f = {0}, n = {0}, import = {0}, dflt = {0};
    wire_put_text(&n, 1, "a"), wire_put_text(&n, 2, "b"), wire_put_text(&n, 4, "Neg");
    wire_put_text(&f, 1, "Twist");
    wire_put_text(&f, 4, "a");
    wire_put_text(&f, 5, "b");
    wire_put_text(&f, 6, "axis");
    wire_put_message(&f, 7, &n);
    wire_put_text(&f, 8, "function's doc");
    wire_put_text(&import, 1, ""), wire_put_int(&import, 2, 17), wire_put_message(&f, 9, &import);
    wire_put_text(&f, 10, "my.domain");
    wire_put_text(&dflt, 1, "slope"), wire_put_float(&dflt, 2, 0.5f), wire_put_int(&dflt, 20, ATTR_FLOAT);
    wire_put_message(&f, 11, &dflt);
    wire_put_text(&f, 13, "v2");
    wire_put_message(m, 25, &f);
}

static inline void put_meta(str *s, uint32_t field, const char *key, const char *text) {
    str p = {0};
    wire_put_text(&p, 1, key);
    wire_put_text(&p, 2, text);
    wire_put_message(s, field, &p);
}

static inline str rich_model(void) {
    str g = {0}, n = {0}, q = {0};
    wire_put_text(&n, 1, "x"), wire_put_text(&n, 1, ""), wire_put_text(&n, 2, "y"), wire_put_text(&n, 2, "");
    wire_put_text(&n, 3, "the node"), wire_put_text(&n, 4, "Twist");
    put_every_attribute(&n);
    wire_put_text(&n, 6, "node's doc"), wire_put_text(&n, 7, "my.domain"), wire_put_text(&n, 8, "v2");
    put_meta(&n, 9, "node key", "node text");
    wire_put_text(&n, 10, "device configuration");
    wire_put_message(&g, 1, &n);
    wire_put_text(&g, 2, "rich");
    wire_put_text(&g, 10, "graph's doc");
    pb_port(&g, 11, "x", 4);
    pb_port(&g, 12, "y", 4);
    pb_port(&g, 13, "nobody's", 4);
    wire_put_text(&q, 1, "annotated tensor"), wire_put_message(&g, 14, &q);
    put_meta(&g, 16, "graph key", "graph text");
    str m = pb_model(&g, 10, 21);
    wire_put_text(&m, 3, "1.0");
    wire_put_text(&m, 4, "org.example");
    wire_put_int(&m, 5, 77);
    wire_put_text(&m, 6, "model's doc");
    put_meta(&m, 14, "model key", "model text");
    wire_put_text(&m, 20, "training info");
    put_function(&m);
    wire_put_text(&m, 5000, "model's later field");
    return m;
}

#endif
