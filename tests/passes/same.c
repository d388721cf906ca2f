/* SPDX-License-Identifier: MIT
 *
 * Every model of tests/data gives the same outputs before and after the passes, on the reference evaluator.
 * With arguments: those models instead, and the text of the optimised graphs on standard output when the last is
 * --print.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/onnx/onnx.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "passes/lift.h"
#include "passes/pass.h"
#include "tensor/dtype.h"

static bool g_print;

static uint64_t g_rng = 88172645463325252u;
static double uniform(void) {
    g_rng ^= g_rng << 13, g_rng ^= g_rng >> 7, g_rng ^= g_rng << 17;
    return (double)(g_rng >> 11) / 9007199254740992.0;
}

/* A size for a symbol: the same wherever it stands. */
static dim_t g_seen[64];
static int64_t g_size[64];
static int64_t size_of(dim_t d, int axis, bool sound) {
    int i = 0;
    for (; i < 63 && g_seen[i] && g_seen[i] != d; i++) {}
    if (!g_seen[i]) g_seen[i] = d, g_size[i] = sound ? 576 : axis == 0 ? 2 : axis >= 2 ? 64 : 5;
    return g_size[i];
}

static naru_value *random_input(const value *v) {
    const type *t = &v->declared;
    int64_t dims[NARU_MAX_RANK];
    for (int i = 0; i < t->rank; i++) {
        bool sound =
            t->rank == 2 && i == 1 && t->dtype == NARU_FLOAT; /* one of silero's windows; its dims may have no names */
        dims[i] = dim_is_const(t->dims[i])   ? t->dims[i]
                  : dim_is_known(t->dims[i]) ? size_of(t->dims[i], i, sound)
                  : sound                    ? 576
                                             : 1;
    }
    naru_tensor *x;
    assert_int_equal(tensor_new(t->dtype, t->rank, dims, &x, NULL), NARU_OK);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        if (dtype_is_float(x->dtype)) dtype_set_f64(x->dtype, x->data, i, 2 * uniform() - 1);
        else dtype_set_i64(x->dtype, x->data, i, t->rank == 0 ? 16000 : (int64_t)(2 * uniform()));
    }
    naru_value *out;
    assert_int_equal(value_new_tensor(x, &out, NULL), NARU_OK);
    tensor_unref(x);
    return out;
}

static graph *load(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    graph *g = NULL;
    naru_status st = onnx_load(path, true, &g, &err);
    if (st == NARU_OK) st = graph_lift(g, NULL, &err);
    if (st == NARU_OK) return g;
    graph_free(g);
    fail_msg("%s: %s", path, err.message);
    return NULL;
}

static void check_model(const char *path) {
    naru_error err = NARU_ERROR_INIT;
    memset(g_seen, 0, sizeof g_seen);
    graph *a = load(path), *b = load(path);
    pass_options o = {.optimize = true};
    pass_row rows[64] = {0};
    naru_status st = passes_run_counted(b, &o, rows, &err);
    if (st != NARU_OK) fail_msg("%s: %s", path, err.message);
    if (graph_verify(b, &err) != NARU_OK) fail_msg("%s: %s", path, err.message);
    print_message("%s: %d nodes -> %d:", path, a->main->nnodes, b->main->nnodes);
    for (size_t i = 0; i < pass_count(); i++)
        if (rows[i].firings) print_message(" %s %llu", pass_name(i, NULL), (unsigned long long)rows[i].firings);
    print_message("\n");
    if (g_print) {
        str s = {0};
        graph_print_full(b, 8, &s);
        fputs(str_text(&s), stdout);
        str_free(&s);
    }
    naru_value *in[128] = {0}, *x[128] = {0}, *y[128] = {0};
    assert_true(a->main->nin <= 128 && a->main->nout <= 128);
    for (int i = 0; i < a->main->nin; i++)
        if (!a->main->in[i]->is_initializer) in[i] = random_input(a->main->in[i]);
    st = graph_evaluate(a, in, x, 1, &err);
    if (st != NARU_OK) fail_msg("%s: %s", path, err.message);
    if ((st = graph_evaluate(b, in, y, 1, &err)) != NARU_OK) fail_msg("%s: after the passes: %s", path, err.message);
    for (int i = 0; st == NARU_OK && i < a->main->nout; i++) {
        if (x[i]->kind == NARU_KIND_TENSOR) {
            naru_comparison c = {.size = sizeof c};
            naru_tensor_compare(y[i]->tensor, x[i]->tensor, 1e-4, 1e-5, &c, NULL);
            if (!c.equal) fail_msg("%s: output '%s': %s", path, a->main->out[i]->name, c.message);
        }
        assert_string_equal(a->main->out[i]->name, b->main->out[i]->name);
    }
    for (int i = 0; i < 128; i++) value_unref(in[i]), value_unref(x[i]), value_unref(y[i]);
    graph_free(a);
    graph_free(b);
}

static void check_folder(const char *folder) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s/%s", NARU_TEST_DATA, folder, e->d_name);
        if (str_ends(path, ".onnx")) check_model(path);
    }
    closedir(d);
}

static void test_smallcnn(void **state) { check_folder("smallcnn"); }
static void test_models(void **state) { check_folder("models"); }
static void test_quant(void **state) { check_folder("quant"); }
static void test_silero(void **state) { check_folder("silero"); }

static char **g_files;
static void test_files(void **state) {
    for (char **f = g_files; *f; f++) {
        if (strcmp(*f, "--print") == 0) continue;
        check_model(*f);
    }
}

int main(int argc, char **argv) {
    g_print = argc > 1 && strcmp(argv[argc - 1], "--print") == 0;
    g_files = argv + 1;
    if (argc > 1) {
        const struct CMUnitTest files[] = {cmocka_unit_test(test_files)};
        return cmocka_run_group_tests(files, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallcnn),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_quant),
        cmocka_unit_test(test_silero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
