/* SPDX-License-Identifier: MIT
 *
 * Every operator call that PyTorch answered (data/script/ops, made by make_ops.py) is made again by the machine.
 * Arguments: categories or "category:line" to run only those, with -v to name every call.
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

enum { MAX_ARGS = 64, MAX_RESULTS = 16 };

typedef struct runner {
    vm machine;
    eager *eager;
    pool *pool;
    int calls, failed;
    bool verbose;
} runner;

static const sop *find_op(const char *full) {
    char name[128];
    const char *dot = strchr(strstr(full, "::") ? strstr(full, "::") : full, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot ? dot - full : (long)strlen(full)), full);
    const sop *op = sop_find(name);
    while (op && strcmp(op->schema->overload, dot ? dot + 1 : "") != 0) op = op->next;
    return op;
}

/* The texts of exceptions are compared where the recorded one is a plain message. */
static bool raised_right(const json_t *want, const naru_error *err, naru_status st, str *why) {
    const char *text = json_string_value(want);
    if (st == NARU_OK) return str_addf(why, "nothing was raised; wanted '%.200s'", text), false;
    if (strstr(err->message, text) || !*text) return true;
    str_addf(why, "raised '%.300s', wanted '%.300s'", err->message, text);
    return false;
}

static bool check_results(const json_t *line, int nout, const sv *out, const sv *args, str *why) {
    const json_t *results = json_object_get(line, "results"), *v;
    const json_t *r = json_object_get(line, "rtol"), *a = json_object_get(line, "atol");
    sj_tolerance tol = {r ? json_number_value(r) : -1, a ? json_number_value(a) : -1,
                        json_is_true(json_object_get(line, "any_values"))};
    for (int i = 0; i < nout; i++)
        if (!sj_same(json_array_get(results, (size_t)i), out[i], &tol, why))
            return str_addf(why, " [result %d]", i), false;
    const char *key;
    json_object_foreach(json_object_get(line, "args_after"), key, v) {
        if (!sj_same(v, args[atoi(key)], &tol, why)) return str_addf(why, " [argument %s afterwards]", key), false;
    }
    return true;
}

static bool run_line(runner *r, const json_t *line, str *why) {
    const char *name = json_string_value(json_object_get(line, "op"));
    const json_t *given = json_object_get(line, "args"), *raises = json_object_get(line, "raises");
    const sop *op = find_op(name);
    sv args[MAX_ARGS], out[MAX_RESULTS];
    int n = (int)json_array_size(given), nout = op ? op->schema->nreturns : 0;
    naru_error err = NARU_ERROR_INIT;
    if (!op) return str_addf(why, "no such operator"), false;
    if (op->schema->varret) nout = (int)json_array_size(json_object_get(line, "results"));
    for (int i = 0; i < n; i++)
        args[i] =
            sj_value(json_array_get(given, (size_t)i), i < op->schema->nparams ? op->schema->params[i].type : NULL);
    for (int i = 0; i < nout; i++) out[i] = sv_none();
    naru_status st = vm_op(&r->machine, op, n, args, nout, out, &err);
    bool good;
    if (raises) good = raised_right(raises, &err, st, why);
    else if (st != NARU_OK) good = (str_addf(why, "%s", err.message), false);
    else good = check_results(line, nout, out, args, why);
    for (int i = 0; i < n; i++) sv_drop(args[i]);
    for (int i = 0; st == NARU_OK && i < nout; i++) sv_drop(out[i]);
    return good;
}

static void run_file(runner *r, const char *path, const char *label, int only) {
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    if (!f) fail_msg("%s cannot be read", path);
    for (int at = 1; getline(&text, &cap, f) >= 0; at++) {
        json_error_t problem;
        str why = {0};
        if (only && only != at) continue;
        json_t *line = json_loads(text, 0, &problem);
        if (!line) fail_msg("%s:%d: %s", path, at, problem.text);
        const char *op = json_string_value(json_object_get(line, "op"));
        if (r->verbose) fprintf(stderr, "%s:%d %s\n", label, at, op);
        r->calls++;
        if (!run_line(r, line, &why)) {
            r->failed++;
            fprintf(stderr, "%s:%d %s: %s\n", label, at, op, str_text(&why));
        }
        str_free(&why);
        json_decref(line);
    }
    free(text);
    fclose(f);
}

static int g_argc;
static char **g_argv;

static bool chosen(runner *r, const char *label, int *only) {
    bool any = false;
    *only = 0;
    for (int i = 1; i < g_argc; i++) {
        if (strcmp(g_argv[i], "-v") == 0) {
            r->verbose = true;
            continue;
        }
        size_t n = strcspn(g_argv[i], ":");
        any = true;
        if (strlen(label) == n && strncmp(label, g_argv[i], n) == 0)
            return *only = g_argv[i][n] ? atoi(g_argv[i] + n + 1) : 0, true;
    }
    return !any;
}

static void operators_answer_as_recorded(void **state) {
    runner r = {0};
    naru_error err = NARU_ERROR_INIT;
    const char *folder = NARU_TEST_DATA "/script/ops";
    assert_int_equal(pool_create(2, 0, &r.pool, &err), NARU_OK);
    assert_int_equal(eager_new(cpu_best(), r.pool, 1, &r.eager, &err), NARU_OK);
    assert_int_equal(vm_init(&r.machine, NULL, r.eager), NARU_OK);
    DIR *d = opendir(folder);
    if (!d) fail_msg("%s cannot be read", folder);
    for (struct dirent *e; (e = readdir(d));) {
        char path[600], label[64];
        const char *dot = strstr(e->d_name, ".jsonl");
        int only;
        if (!dot) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        snprintf(label, sizeof label, "%.*s", (int)(dot - e->d_name), e->d_name);
        if (chosen(&r, label, &only)) run_file(&r, path, label, only);
    }
    closedir(d);
    vm_done(&r.machine);
    eager_free(r.eager);
    pool_destroy(r.pool);
    fprintf(stderr, "%d calls, %d wrong\n", r.calls, r.failed);
    assert_int_equal(r.failed, 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators_answer_as_recorded)};
    g_argc = argc;
    g_argv = argv;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
