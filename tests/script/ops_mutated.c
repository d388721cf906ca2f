/* SPDX-License-Identifier: MIT
 *
 * Operators with arguments that fit their types and nothing else: recorded calls (data/script/ops) with numbers, sizes
 * and tensors replaced at random. Whatever comes out, nothing may crash, hang or write where it should not; run it
 * under the sanitizers to see. Arguments: seed, number of calls, categories.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "script/eager.h"
#include "script_json.h"

enum { MAX_ARGS = 64, MAX_RESULTS = 16, LARGEST_BLOCK = 64 << 20, LONGEST_LINE = 6000 };

static ARRAY(json_t *) lines;
static uint64_t state_of_chance;

static size_t pick(size_t n) { /* below n */
    state_of_chance ^= state_of_chance << 13;
    state_of_chance ^= state_of_chance >> 7;
    state_of_chance ^= state_of_chance << 17;
    return n ? state_of_chance % n : 0;
}

/* Memory is short, so that absurd sizes fail at once. */
static void *scarce(void *user, void *p, size_t old_size, size_t n) {
    if (n > LARGEST_BLOCK) return NULL;
    if (n) return realloc(p, n);
    free(p);
    return NULL;
}

/* ---- mutations: new references ---- */
static int64_t odd_number(void) {
    static const int64_t v[] = {
        0,     1,         -1,        2,         3,         -2, 7, -5,        16,           17, 100, -7,          255,
        65536, INT64_MAX, INT64_MIN, INT32_MAX, 1LL << 40, 4,  5, 1LL << 62, -(1LL << 30), 9,  10,  -(1LL << 62)};
    return v[pick(COUNT_OF(v))];
}

static json_t *argument_of_another(const char *kind) {
    for (int tries = 0; tries < 50; tries++) {
        json_t *args = json_object_get(lines.data[pick(lines.count)], "args");
        json_t *a = json_array_get(args, pick(json_array_size(args)));
        if (a && (!kind || json_object_get(a, kind))) return json_deep_copy(a);
    }
    return json_null();
}

static json_t *small_tensor(void) {
    static const char *const types[] = {"float32", "int64", "bool", "int32", "float16", "float64", "uint8"};
    json_t *shape = json_array(), *data = json_array();
    size_t kind = pick(COUNT_OF(types)), count = 1;
    for (size_t rank = pick(6); rank > 0; rank--) {
        size_t d = pick(4);
        json_array_append_new(shape, json_integer((json_int_t)d));
        count *= d;
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(data, json_integer((json_int_t)pick(kind == 2 ? 2 : 7) - 2));
    return json_pack("{s:s, s:o, s:o}", "tensor", types[kind], "shape", shape, "data", data);
}

static json_t *mutated(json_t *v);

static json_t *mutated_list(json_t *v) {
    json_t *copy = json_deep_copy(v), *l = json_object_get(copy, "list");
    size_t n = json_array_size(l), at = pick(n), how = pick(4);
    if (n && how == 0) json_array_remove(l, at);
    else if (n && how == 1) json_array_append(l, json_array_get(l, at));
    else if (n) json_array_set_new(l, at, mutated(json_array_get(l, at)));
    return copy;
}

static json_t *mutated(json_t *v) {
    static const double floats[] = {0, -1, 1e300, -1e300, 0.5, 1e-320, 3};
    if (json_is_integer(v)) return json_integer(odd_number());
    if (json_is_boolean(v)) return json_boolean(pick(2));
    if (json_is_null(v)) return pick(2) ? json_null() : argument_of_another(NULL);
    if (json_object_get(v, "list")) return mutated_list(v);
    if (json_object_get(v, "tensor")) return pick(2) ? small_tensor() : argument_of_another("tensor");
    if (json_object_get(v, "float")) return json_pack("{s:f}", "float", floats[pick(COUNT_OF(floats))]);
    return json_is_string(v) && pick(4) == 0 ? json_string("zz") : json_deep_copy(v);
}

/* ---- calling ---- */
static const sop *find_op(const char *full) {
    char name[128];
    const char *colons = strstr(full, "::"), *dot = strchr(colons ? colons : full, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot ? dot - full : (long)strlen(full)), full);
    const sop *op = sop_find(name);
    while (op && strcmp(op->schema->overload, dot ? dot + 1 : "") != 0) op = op->next;
    return op;
}

/* As the compiler would let it pass. */
static bool passes(sv v, const stype *t) {
    if (v.tag == SV_UNINIT) return false;
    if (v.tag == SV_INT && (t->kind == ST_FLOAT || t->kind == ST_NUMBER || t->kind == ST_LIST)) return true;
    return t->kind == ST_VAR || t->kind == ST_GENERATOR || sv_isinstance(v, t);
}

static void call_once(vm *m, int *answered) {
    json_t *line = lines.data[pick(lines.count)];
    const sop *op = find_op(json_string_value(json_object_get(line, "op")));
    if (!op || op->schema->varret) return;
    json_t *given = json_deep_copy(json_object_get(line, "args"));
    size_t n = json_array_size(given);
    sv args[MAX_ARGS], out[MAX_RESULTS];
    bool fits = (int)n <= op->schema->nparams;
    naru_error err = NARU_ERROR_INIT;
    for (size_t k = 1 + pick(3); n && k > 0; k--) {
        size_t at = pick(n);
        json_array_set_new(given, at, mutated(json_array_get(given, at)));
    }
    for (size_t i = 0; i < n; i++) {
        const stype *t = (int)i < op->schema->nparams ? op->schema->params[i].type : &stype_any;
        args[i] = sj_value(json_array_get(given, i), t);
        fits = fits && passes(args[i], t);
    }
    for (int i = 0; i < MAX_RESULTS; i++) out[i] = sv_none();
    if (fits && vm_op(m, op, (int)n, args, op->schema->nreturns, out, &err) == NARU_OK) ++*answered;
    for (int i = 0; i < MAX_RESULTS; i++) sv_drop(out[i]);
    for (size_t i = 0; i < n; i++) sv_drop(args[i]);
    json_decref(given);
}

/* ---- the calls to begin with ---- */
static int g_argc;
static char **g_argv;

static bool wanted(const char *file) {
    for (int i = 3; i < g_argc; i++)
        if (strncmp(file, g_argv[i], strlen(g_argv[i])) == 0) return true;
    return g_argc <= 3;
}

static void read_lines(const char *path) {
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    if (!f) fail_msg("%s cannot be read", path);
    for (ssize_t n; (n = getline(&text, &cap, f)) >= 0;) {
        json_t *line = n < LONGEST_LINE ? json_loads(text, 0, NULL) : NULL;
        if (line && !ARRAY_PUSH(&lines, line)) fail_msg("out of memory");
    }
    free(text);
    fclose(f);
}

static void nothing_crashes(void **state) {
    const char *folder = NARU_TEST_DATA "/script/ops";
    const naru_allocator short_memory = {.size = sizeof short_memory, .realloc = scarce};
    naru_error err = NARU_ERROR_INIT;
    vm m;
    eager *e;
    pool *p;
    long calls = g_argc > 2 ? atol(g_argv[2]) : 3000;
    int answered = 0;
    state_of_chance = (g_argc > 1 ? strtoull(g_argv[1], NULL, 0) : 1) * 0x9e3779b97f4a7c15u + 1;
    DIR *d = opendir(folder);
    if (!d) fail_msg("%s cannot be read", folder);
    for (struct dirent *f; (f = readdir(d));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        if (strstr(f->d_name, ".jsonl") && wanted(f->d_name)) read_lines(path);
    }
    closedir(d);
    mem_set_hook(&short_memory);
    assert_int_equal(pool_create(1, 0, &p, &err), NARU_OK);
    assert_int_equal(eager_new(cpu_best(), p, 1, &e, &err), NARU_OK);
    assert_int_equal(vm_init(&m, NULL, e), NARU_OK);
    for (long i = 0; lines.count && i < calls; i++) call_once(&m, &answered);
    fprintf(stderr, "%ld calls, %d of them answered\n", calls, answered);
    vm_done(&m);
    eager_free(e);
    pool_destroy(p);
    for (size_t i = 0; i < lines.count; i++) json_decref(lines.data[i]);
    ARRAY_FREE(&lines);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_crashes)};
    g_argc = argc;
    g_argv = argv;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
