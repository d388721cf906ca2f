/* SPDX-License-Identifier: MIT
 *
 * op_desc.since: every row of every operator names something that the operator has, and reading it gives what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ops/since.h"

static bool is_param(const sig *s, const char *key, bool typed) {
    for (int i = 0; i < s->nvars; i++)
        if (typed && strcmp(s->vars[i], key) == 0) return true;
    for (int i = 0; i < s->nin; i++)
        if (strcmp(s->in[i].name, key) == 0) return !typed || s->in[i].var < 0;
    for (int i = 0; i < s->nout; i++)
        if (strcmp(s->out[i].name, key) == 0) return typed && s->out[i].var < 0;
    return false;
}

static bool is_attr(const op_desc *op, const char *key) {
    for (int i = 0; op->attrs && op->attrs[i].name; i++)
        if (strcmp(op->attrs[i].name, key) == 0) return true;
    return false;
}

static void check_row(const op_desc *op, const sig *s, char *row) {
    char *save = NULL, *key = strtok_r(row, " ", &save), *since = strtok_r(NULL, " ", &save), *word;
    if (!key || !since) fail_msg("%s: a row of one word", op->name);
    int v = strcmp(since, "never") == 0 ? SINCE_NEVER : atoi(since);
    if (v < 14) fail_msg("%s: '%s' says %s", op->name, key, since);
    bool typed = false;
    while ((word = strtok_r(NULL, " ", &save))) {
        typed = true;
        if (!sig_type_set(word) && strcmp(word, "seq") != 0 && strcmp(word, "opt") != 0)
            fail_msg("%s: '%s' is no type", op->name, word);
    }
    if (!is_param(s, key, typed) && (typed || !is_attr(op, key))) fail_msg("%s has nothing called '%s'", op->name, key);
    if (!typed) assert_int_equal(since_name(op, key), v);
}

static void test_rows(void **state) {
    for (size_t i = 0; i < op_count(); i++) {
        const op_desc *op = op_at(i);
        sig s;
        char text[1000], *save = NULL;
        assert_true(sig_parse(op->sig, &s));
        if (!op->since) continue;
        assert_true(strlen(op->since) < sizeof text);
        strcpy(text, op->since);
        for (char *row = strtok_r(text, ";", &save); row; row = strtok_r(NULL, ";", &save)) check_row(op, &s, row);
    }
}

static void test_adapters_descend(void **state) {
    for (size_t i = 0; i < op_count(); i++)
        for (const down_adapter *d = op_at(i)->down; d && d->down; d++)
            if (d[1].down && d[1].from >= d->from) fail_msg("%s: adapters do not descend", op_at(i)->name);
}

static int since(const char *name, const char *param, type t) {
    const op_desc *op = op_find("", name);
    sig s;
    assert_true(sig_parse(op->sig, &s));
    for (int i = 0; i < s.nin; i++)
        if (strcmp(s.in[i].name, param) == 0) return since_type(op, &s, &s.in[i], &t);
    fail_msg("%s has no %s", name, param);
    return 0;
}

static void test_reading(void **state) {
    const type seq = {.kind = TYPE_SEQUENCE}, int4 = {.kind = TYPE_TENSOR, .dtype = NARU_INT4};
#define TENSOR(d) (type){.kind = TYPE_TENSOR, .dtype = NARU_##d}
    assert_int_equal(since("Add", "A", TENSOR(INT8)), 14);
    assert_int_equal(since("Add", "A", TENSOR(FLOAT)), 1);
    assert_int_equal(since("Transpose", "data", TENSOR(FLOAT8E4M3FN)), 21);
    assert_int_equal(since("Reshape", "data", TENSOR(FLOAT8E4M3FN)), 19); /* the type's own */
    assert_int_equal(since("Gather", "data", int4), SINCE_NEVER);
    assert_int_equal(since("Identity", "input", seq), 14);
    assert_int_equal(since("Identity", "input", (type){.kind = TYPE_SEQUENCE, .elem = &int4}), 21);
    assert_int_equal(since_name(op_find("", "Pad"), "axes"), 18);
    assert_int_equal(since_name(op_find("", "Pad"), "pads"), 1);
    assert_int_equal(since_dtype(NARU_BFLOAT16), 1);
    assert_int_equal(since_dtype(NARU_FLOAT6E2M3), 28);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_adapters_descend),
        cmocka_unit_test(test_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
