/* SPDX-License-Identifier: MIT
 *
 * The text form: what is printed reads back and prints the same, for every model of tests/data and for texts with all
 * of the grammar; malformed text is refused with its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "formats/onnx/onnx.h"
#include "graph/parse.h"
#include "graph/print.h"

static void round_trip(const graph *g, const char *what) {
    naru_error err = NARU_ERROR_INIT;
    str a = {0}, b = {0};
    graph *h;
    graph_print_full(g, -1, &a);
    if (graph_parse(str_text(&a), &h, &err) != NARU_OK) fail_msg("%s: %s", what, err.message);
    graph_print_full(h, -1, &b);
    if (strcmp(str_text(&a), str_text(&b)) != 0) {
        size_t i = 0;
        while (a.data[i] == b.data[i]) i++;
        fail_msg("%s: printed\n%.200s\nread and printed\n%.200s", what, a.data + (i > 80 ? i - 80 : 0),
                 b.data + (i > 80 ? i - 80 : 0));
    }
    graph_free(h);
    str_free(&a);
    str_free(&b);
}

static void check_folder(const char *folder) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", NARU_TEST_DATA, folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s/%s", NARU_TEST_DATA, folder, e->d_name);
        graph *g;
        if (!str_ends(path, ".onnx")) continue;
        assert_int_equal(onnx_load(path, true, &g, NULL), NARU_OK);
        round_trip(g, path);
        graph_free(g);
    }
    closedir(d);
}

static void test_models(void **state) { check_folder("models"); }
static void test_smallcnn(void **state) { check_folder("smallcnn"); }

static const char k_all[] =
    "ir 10\nopset \"\" 28\nopset \"my.domain\" 1\n"
    "graph \"all of it\" {\n"
    "  input x: float[n,2*h+1,floor((w+1)/2),?,\"Min(1,2)\",\"15\"]\n"
    "  input input: seq(int64[...])\n"
    "  input \"odd name\\x01\\\"\": optional(map(string,float[]))\n"
    "  const s = string[2] {\"a\\\\b\", \"\"}\n"
    "  const c = complex64[1] {1 -2}\n"
    "  const f = float[5] {0.1, -inf, nan, 1e-45, 3.4028235e+38}\n"
    "  const e = int64[0] {}\n"
    "  const u = uint64[] {18446744073709551615}\n"
    "  const i4 = int4[3] {-8, 7, 1}\n"
    "  output, _ = my.domain::Op#v2(x, _, onnx::w) {axis:int = -1, l:ints = [], fl:floats = [1, 0.5], s:string = "
    "\"\\x00\", "
    "ss:strings = [\"x\", \"\"], t:tensor = bool[1] {1}, ts:tensors = [int8[1] {3}, int8[1] {4}], ty:type = float[n], "
    "r:float = @alpha, "
    "b:block = {\n    input k\n    q = Add(k, x)\n    output q\n  }, bs:blocks = [{\n    output x\n  }, {\n  }]}\n"
    "  _ = Nothing()\n"
    "  output output: ?\n"
    "  output x: float[n,2*h+1,floor((w+1)/2),?]\n"
    "}\n"
    "function my.domain::F {\n  input a\n  b = Relu(a)\n  output b\n}\n";

static void test_grammar(void **state) {
    naru_error err = NARU_ERROR_INIT;
    graph *g;
    if (graph_parse(k_all, &g, &err) != NARU_OK) fail_msg("%s", err.message);
    assert_int_equal(g->main->nin, 3);
    assert_int_equal(g->main->nnodes, 2);
    assert_int_equal(g->main->first->nattrs, 11);
    assert_string_equal(g->main->first->domain, "my.domain");
    assert_string_equal(g->main->first->overload, "v2");
    assert_null(g->main->first->in[1]);
    assert_int_equal(g->nfunctions, 1);
    round_trip(g, "grammar");
    graph_free(g);
}

/* Every prefix of a text is refused, or is a graph; nothing leaks (the sanitizers look). */
static void test_prefixes(void **state) {
    for (size_t n = 0; n < sizeof k_all; n++) {
        char text[sizeof k_all];
        graph *g;
        memcpy(text, k_all, n);
        text[n] = 0;
        if (graph_parse(text, &g, NULL) == NARU_OK) graph_free(g);
    }
}

static void refuse(const char *text, const char *why) {
    naru_error err = NARU_ERROR_INIT;
    graph *g;
    assert_int_not_equal(graph_parse(text, &g, &err), NARU_OK);
    assert_null(g);
    if (!strstr(err.message, why)) fail_msg("'%s' refused by '%s', not by '%s'", text, err.message, why);
}

static void test_refusals(void **state) {
    refuse("", "'graph'");
    refuse("graph \"a\" {", "'}'");
    refuse("graph \"a\" {}\ngraph \"b\" {}", "line 2: expected one graph");
    refuse("graph \"a\" {\n x = Relu(y\n}", "line 3");
    refuse("graph \"a\" {\n x = Relu(y)\n x = Relu(y)\n}", "line 3: 'x' is defined twice");
    refuse("graph \"a\" {\n input x\n input x\n}", "defined twice");
    refuse("graph \"a\" {\n const c = float[2] {1}\n}", "','");
    refuse("graph \"a\" {\n const c = float[99999999999] {1}\n}", "as many elements");
    refuse("graph \"a\" {\n const c = float[4294967296,4294967296] {}\n}", "as many elements");
    refuse("graph \"a\" {\n const c = float[n] {1}\n}", "dims that are numbers");
    refuse("graph \"a\" {\n const c = flaot[1] {1}\n}", "an element type");
    refuse("graph \"a\" {\n const c = int64[1] {1.5}\n}", "a whole number");
    refuse("graph \"a\" {\n x = Op() {a:nothing = 1}\n}", "kind");
    refuse("graph \"a\" {\n x = Op() {a:int = 99999999999999999999}\n}", "a whole number");
    refuse("graph \"a\" {\n x = Op(\"\\q\")\n}", "one of");
    refuse("graph \"unfinished", "end of a string");
    refuse("graph \"a\" {\n input x: float[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n}", "rank");
    str s = {0};
    str_add(&s, "graph \"a\" {");
    for (int i = 0; i < 100; i++) str_add(&s, " x = If(c) {b:block = {");
    refuse(str_text(&s), "nested deeper");
    str_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models), cmocka_unit_test(test_smallcnn),
                                       cmocka_unit_test(test_grammar), cmocka_unit_test(test_prefixes),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
