/* SPDX-License-Identifier: MIT
 *
 * Dropped cases: tests/passes/<pass>/<case>.graph is a graph, a line "----", and the text of the graph after that pass
 * alone (the driver's inference included), or the word "unchanged". A comment "# passes: a,b" names other passes
 * instead. NARU_UPDATE=1 writes what comes out into the files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "passes/lift.h"
#include "passes/pass.h"

static int g_cases, g_unchanged;

static graph *read_graph(const char *path, const char *text) {
    naru_error err = NARU_ERROR_INIT;
    graph *g = NULL;
    if (graph_parse(text, &g, &err) != NARU_OK || graph_lift(g, NULL, &err) != NARU_OK)
        fail_msg("%s: %s", path, err.message);
    return g;
}

static void run_case(const char *pass, const char *path) {
    naru_error err = NARU_ERROR_INIT;
    file_map *m;
    if (file_map_open(path, false, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    char *text = calloc(1, m->size + 1);
    memcpy(text, m->data, m->size);
    file_map_unref(m);
    char *cut = strstr(text, "\n----\n");
    if (!cut) fail_msg("%s: no line ----", path);
    cut[1] = 0;
    const char *want = cut + 6;
    graph *g = read_graph(path, text), *same = read_graph(path, text);
    char list[200];
    const char *other = strstr(text, "# passes: ");
    if (other && sscanf(other, "# passes: %199s", list) == 1) pass = list;
    pass_options o = {.optimize = true, .only = pass}, nothing = {.only = ""};
    pass_row rows[64] = {0};
    if (passes_run_counted(g, &o, rows, &err) != NARU_OK || passes_run(same, &nothing, &err) != NARU_OK)
        fail_msg("%s: %s", path, err.message);
    uint64_t firings = 0;
    for (size_t i = 0; i < pass_count(); i++) firings += rows[i].firings;
    str got = {0}, before = {0};
    graph_print_full(g, -1, &got);
    graph_print_full(same, -1, &before);
    bool unchanged = strcmp(str_text(&got), str_text(&before)) == 0;
    assert_int_equal(firings == 0, unchanged);
    g_cases++;
    g_unchanged += unchanged;
    if (getenv("NARU_UPDATE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "%s----\n%s", text, unchanged ? "unchanged\n" : str_text(&got));
        fclose(f);
    } else if (strcmp(want, "unchanged\n") == 0 ? !unchanged : strcmp(want, str_text(&got)) != 0) {
        fail_msg("%s: pass %s gives\n%s", path, pass, str_text(&got));
    }
    str_free(&got);
    str_free(&before);
    graph_free(g);
    graph_free(same);
    free(text);
}

static void run_folder(const char *pass) {
    char path[1000];
    snprintf(path, sizeof path, "%s/tests/passes/%s", NARU_SOURCE_DIR, pass);
    DIR *d = opendir(path);
    if (!d) fail_msg("pass %s has no cases in %s", pass, path);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/tests/passes/%s/%s", NARU_SOURCE_DIR, pass, e->d_name);
        if (str_ends(path, ".graph")) run_case(pass, path);
    }
    closedir(d);
}

static void test_all(void **state) {
    for (size_t i = 0; i < pass_count(); i++) {
        int before = g_cases;
        run_folder(pass_name(i, NULL));
        if (g_cases == before) fail_msg("pass %s has no case", pass_name(i, NULL));
    }
    print_message("%d cases, %d of them where the pass must not fire\n", g_cases, g_unchanged);
    assert_true(3 * g_unchanged >= g_cases);
}

/* Bisection: with a limit of k patches exactly k are made. */
static void test_stop_after(void **state) {
    const char *text = "ir 10\nopset \"\" 22\ngraph \"t\" {\n input x: float[2]\n a = Identity(x)\n b = Identity(a)\n "
                       "c = Identity(b)\n"
                       " y = Relu(c)\n output y\n}\n";
    for (int k = 1; k <= 3; k++) {
        graph *g = read_graph("stop_after", text);
        pass_options o = {.optimize = true, .only = "identity", .stop_after = k};
        pass_row rows[64] = {0};
        uint64_t n = 0;
        assert_int_equal(passes_run_counted(g, &o, rows, NULL), NARU_OK);
        for (size_t i = 0; i < pass_count(); i++) n += rows[i].firings;
        assert_int_equal(n, k);
        assert_int_equal(g->main->nnodes, 4 - k);
        graph_free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_stop_after)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
