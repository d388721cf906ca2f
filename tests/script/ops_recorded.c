/* SPDX-License-Identifier: MIT
 *
 * Operators give the same when recorded: each call that PyTorch answered (data/script/ops) becomes a graph whose tensor
 * arguments are inputs, once with fixed and once with symbolic sizes, which the reference evaluator then runs. Calls
 * that look at data do not record; they are counted only.
 *
 * Arguments: categories or "category:line"; -v names every obstacle; -oN says what does not lower to opset N; -e
 * records as for export, where plain forms may differ at NaN and the like.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "passes/lower.h"
#include "script/eager.h"
#include "script/record.h"
#include "script_json.h"

enum { MAX_ARGS = 64, MAX_VALUES = 256 };

typedef struct runner {
    eager *eager;
    int calls, recorded, failed, opset;
    bool verbose, symbolic, exporting;
} runner;

/* One call: its arguments as inputs of a graph. */
typedef struct call {
    vm machine;
    recording rec;
    graph *g;
    naru_value *in[MAX_VALUES];
    int nin;
    value *outs[MAX_VALUES];
    int nout;
    bool symbolic;
} call;

static const sop *find_op(const char *full) {
    char name[128];
    const char *colons = strstr(full, "::"), *dot = strchr(colons ? colons : full, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot ? dot - full : (long)strlen(full)), full);
    const sop *op = sop_find(name);
    while (op && strcmp(op->schema->overload, dot ? dot + 1 : "") != 0) op = op->next;
    return op;
}

/* Sizes above 1 are symbols, equal sizes the same one. */
static sv input_of(call *c, const sten *t) {
    naru_error err = NARU_ERROR_INIT;
    naru_tensor *whole, *plain;
    if (sten_export(t, &whole, &err) != NARU_OK || tensor_contiguous(whole, &plain, &err) != NARU_OK) return sv_none();
    value *v = graph_value_new(c->g, c->g->main, NULL);
    if (!v || !block_add_input(c->g->main, v)) return sv_none();
    v->block = c->g->main;
    v->fact.type = (type){.kind = TYPE_TENSOR, .dtype = plain->dtype, .has_rank = true, .rank = plain->rank};
    for (int i = 0; i < plain->rank; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%lld", (long long)plain->dims[i]);
        v->fact.type.dims[i] =
            c->symbolic && plain->dims[i] > 1 ? sym_name(c->g->syms, arena_strdup(c->g->arena, name)) : plain->dims[i];
    }
    v->declared = v->fact.type;
    v->has_declared = true;
    value_new_tensor(plain, &c->in[c->nin++], &err);
    tensor_unref(plain);
    tensor_unref(whole);
    return sv_of(record_input(&c->rec, v, c->nin - 1));
}

/* Takes over v. */
static sv as_inputs(call *c, sv v) {
    if (v.tag == SV_TENSOR) {
        sv in = input_of(c, sv_tensor(v));
        sv_drop(v);
        return in;
    }
    if (v.tag == SV_LIST)
        for (size_t i = 0; i < sv_list(v)->count; i++) sv_list(v)->items[i] = as_inputs(c, sv_list(v)->items[i]);
    return v;
}

static bool add_outputs(call *c, sv v, naru_error *err) {
    if (v.tag == SV_LIST) {
        for (size_t i = 0; i < sv_list(v)->count; i++)
            if (!add_outputs(c, sv_list(v)->items[i], err)) return false;
        return true;
    }
    bool number = v.tag == SV_SYM || v.tag == SV_INT || v.tag == SV_FLOAT || v.tag == SV_BOOL;
    if (v.tag != SV_TENSOR && !number) return true;
    value *out = number ? record_scalar(&c->rec, v, err) : record_value(&c->rec, sv_tensor(v), err);
    value *copy = out ? rec_emit(&c->rec, &op_Identity, NULL, 1, &out, err) : NULL;
    if (!copy || !block_add_output(c->g->main, copy)) return false;
    c->nout++;
    return true;
}

/* The recorded results in order, lists opened, without None. */
static void open_results(const json_t *r, const json_t **out, int *n) {
    const json_t *list = json_object_get(r, "list");
    if (!list && !json_is_null(r)) out[(*n)++] = r;
    for (size_t i = 0; list && i < json_array_size(list); i++) open_results(json_array_get(list, i), out, n);
}

static bool same_value(const json_t *want, const naru_tensor *got, const sj_tolerance *tol, str *why) {
    if (json_object_get(want, "tensor")) {
        sten *t = sten_from((naru_tensor *)got);
        bool same = sj_same_tensor(want, t, tol, why);
        sobj_release(&t->head);
        return same;
    }
    const json_t *f = json_object_get(want, "float");
    if (got->rank != 0) return str_addf(why, "wanted a number"), false;
    double v = dtype_get_f64(got->dtype, got->data, 0);
    if (sj_close(sj_number(f ? f : want), v, 1e-6, 1e-6)) return true;
    return str_addf(why, "wanted %g, got %g", sj_number(f ? f : want), v), false;
}

static bool compare(runner *r, call *c, const json_t *line, str *why) {
    const json_t *want[MAX_VALUES], *results = json_object_get(line, "results");
    const json_t *rt = json_object_get(line, "rtol"), *at = json_object_get(line, "atol");
    sj_tolerance tol = {rt ? json_number_value(rt) : 1e-4, at ? json_number_value(at) : 1e-5,
                        json_is_true(json_object_get(line, "any_values"))};
    naru_value *out[MAX_VALUES] = {0};
    naru_error err = NARU_ERROR_INIT;
    int n = 0;
    for (size_t i = 0; i < json_array_size(results); i++) open_results(json_array_get(results, i), want, &n);
    if (n != c->nout) return str_addf(why, "%d results, wanted %d", c->nout, n), false;
    c->g->lifted = true;
    if (graph_evaluate(c->g, c->in, out, 1, &err) != NARU_OK)
        return str_addf(why, "evaluating: %s", err.message), false;
    bool good = true;
    for (int i = 0; i < n; i++) {
        if (good && !same_value(want[i], out[i]->tensor, &tol, why)) {
            str_addf(why, " [result %d]", i);
            good = false;
        }
        value_unref(out[i]);
    }
    return good;
}

static void try_lowering(runner *r, call *c, const char *what) {
    naru_error err = NARU_ERROR_INIT;
    if (graph_lower(c->g, r->opset, NULL, &err) != NARU_OK)
        fprintf(stderr, "%s: opset %d: %s\n", what, r->opset, err.message);
}

static bool run_line(runner *r, const char *place, const json_t *line, str *why) {
    const char *name = json_string_value(json_object_get(line, "op"));
    const json_t *given = json_object_get(line, "args");
    const sop *op = find_op(name);
    int n = (int)json_array_size(given), nout = op ? op->schema->nreturns : 0;
    naru_error err = NARU_ERROR_INIT;
    sv args[MAX_ARGS], out[16];
    call c = {.g = graph_new(), .symbolic = r->symbolic};
    if (!op || n > MAX_ARGS || op->schema->varret) return graph_free(c.g), true;
    assert_non_null(c.g->main = graph_block_new(c.g, NULL));
    assert_int_equal(vm_init(&c.machine, NULL, r->eager), NARU_OK);
    assert_int_equal(recording_begin(&c.rec, c.g, &c.machine, &(record_options){.region = !r->exporting}, &err),
                     NARU_OK);
    for (int i = 0; i < n; i++)
        args[i] = as_inputs(&c, sj_value(json_array_get(given, (size_t)i),
                                         i < op->schema->nparams ? op->schema->params[i].type : NULL));
    for (int i = 0; i < nout; i++) out[i] = sv_none();
    r->calls++;
    naru_status st = vm_op(&c.machine, op, n, args, nout, out, &err);
    bool good = st == NARU_UNSUPPORTED;
    if (good && r->verbose) fprintf(stderr, "%s %s: %s\n", place, name, err.message);
    if (st != NARU_OK && !good) str_addf(why, "%s", err.message);
    if (st == NARU_OK) {
        r->recorded++;
        good = true;
        for (int i = 0; good && i < nout; i++) good = add_outputs(&c, out[i], &err);
        if (!good) str_addf(why, "%s", err.message);
        good = good && compare(r, &c, line, why);
        if (r->opset) try_lowering(r, &c, name);
    }
    for (int i = 0; i < n; i++) sv_drop(args[i]);
    for (int i = 0; st == NARU_OK && i < nout; i++) sv_drop(out[i]);
    for (int i = 0; i < c.nin; i++) value_unref(c.in[i]);
    recording_end(&c.rec);
    vm_done(&c.machine);
    graph_free(c.g);
    return good;
}

/* Calls that raise, that change an argument, or whose tensors are quantized are none of this test's. */
static bool of_interest(const json_t *line, const char *text) {
    return !json_object_get(line, "raises") && !json_object_get(line, "args_after") && !strstr(text, "\"quantized\"") &&
           !strstr(text, "complex") && !strstr(text, "\"custom\"") && !strstr(text, "\"nested\"") &&
           !json_object_get(line, "rename") && !json_object_get(line, "eager");
}

static void run_file(runner *r, const char *path, const char *label, int only) {
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    if (!f) fail_msg("%s cannot be read", path);
    for (int at = 1; getline(&text, &cap, f) >= 0; at++) {
        json_error_t problem;
        str why = {0};
        char place[96];
        if (only && only != at) continue;
        json_t *line = json_loads(text, 0, &problem);
        if (!line) fail_msg("%s:%d: %s", path, at, problem.text);
        snprintf(place, sizeof place, "%s:%d", label, at);
        if (of_interest(line, text) && !run_line(r, place, line, &why)) {
            r->failed++;
            fprintf(stderr, "%s %s%s: %s\n", place, json_string_value(json_object_get(line, "op")),
                    r->symbolic ? " (symbolic)" : "", str_text(&why));
        }
        str_free(&why);
        json_decref(line);
    }
    free(text);
    fclose(f);
}

/* Categories whose operators are made of graph operators throughout. */
static const char *const categories[] = {"pointwise", "unary", "compare", "activation", "reduce", "order",
                                         "loss",      "view",  "create",  "move",       "index",  "random"};
static int g_argc;
static char **g_argv;

static bool chosen(runner *r, const char *label, int *only) {
    bool any = false;
    *only = 0;
    for (int i = 1; i < g_argc; i++) {
        size_t n = strcspn(g_argv[i], ":");
        if (strcmp(g_argv[i], "-v") == 0) r->verbose = true;
        else if (strcmp(g_argv[i], "-e") == 0) r->exporting = true;
        else if (strncmp(g_argv[i], "-o", 2) == 0) r->opset = atoi(g_argv[i] + 2);
        else any = true;
        if (strlen(label) == n && strncmp(label, g_argv[i], n) == 0)
            return *only = g_argv[i][n] ? atoi(g_argv[i] + n + 1) : 0, true;
    }
    for (size_t i = 0; !any && i < COUNT_OF(categories); i++)
        if (strcmp(categories[i], label) == 0) return true;
    return false;
}

static void run_all(bool symbolic) {
    runner r = {.symbolic = symbolic};
    naru_error err = NARU_ERROR_INIT;
    pool *p;
    const char *folder = NARU_TEST_DATA "/script/ops";
    assert_int_equal(pool_create(1, 0, &p, &err), NARU_OK);
    assert_int_equal(eager_new(cpu_best(), p, 1, &r.eager, &err), NARU_OK);
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
    eager_free(r.eager);
    pool_destroy(p);
    fprintf(stderr, "%d calls, %d recorded, %d wrong\n", r.calls, r.recorded, r.failed);
    assert_int_equal(r.failed, 0);
}

static void fixed_sizes(void **state) { run_all(false); }
static void symbolic_sizes(void **state) { run_all(true); }

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fixed_sizes), cmocka_unit_test(symbolic_sizes)};
    g_argc = argc;
    g_argv = argv;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
