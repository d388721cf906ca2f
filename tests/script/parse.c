/* SPDX-License-Identifier: MIT
 *
 * The parser of the language. Dropped cases: each file of tests/script/parse is a list of cases parted by lines "====";
 * a case is a text, a line "----", and its tree or "error: MESSAGE". A first line "#expr" or "#type" asks for another
 * entry than that of files. NARU_UPDATE=1 writes what comes out into the files.
 * `test_script_parse dump FILE` prints the tree of a file (against_python.py compares it with Python's own).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "ast_check.h"
#include "base/file.h"
#include "base/mem.h"
#include "oom_sweep.h"
#include "script/parse.h"

#define CASES NARU_SOURCE_DIR "/tests/script/parse"
#define DATA  NARU_TEST_DATA "/script"

typedef naru_status entry(arena *, const char *, const char *, size_t, ast **, naru_error *);

static int g_cases, g_refused;

static char *read_text(const char *path, size_t *size) {
    naru_error err = NARU_ERROR_INIT;
    file_map *m;
    if (file_map_open(path, false, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    char *text = calloc(1, m->size + 1);
    memcpy(text, m->data, m->size);
    *size = m->size;
    file_map_unref(m);
    return text;
}

/* The tree as text, or "error: MESSAGE". */
static char *dump_with(entry *parse, const char *text, size_t n) {
    arena *a = arena_new();
    naru_error err = NARU_ERROR_INIT;
    ast *tree = NULL;
    str s = {0};
    if (parse(a, "t.py", text, n, &tree, &err) != NARU_OK) str_addf(&s, "error: %s\n", err.message);
    else {
        const char *wrong = ast_check(tree);
        if (wrong) fail_msg("a promise of ast.h is broken: %s", wrong);
        ast_print(&s, tree);
    }
    char *copy = strdup(str_text(&s));
    str_free(&s);
    arena_free(a);
    return copy;
}

static char *dump(const char *text) { return dump_with(script_parse, text, strlen(text)); }

/* ---- dropped cases ---- */

static void run_case(const char *path, const char *text, const char *want, str *out) {
    bool expr = str_starts(text, "#expr\n"), type = str_starts(text, "#type\n");
    entry *parse = expr ? script_parse_expr : type ? script_parse_type : script_parse;
    size_t skip = expr || type ? 6 : 0;
    char *got = dump_with(parse, text + skip, strlen(text + skip));
    str_addf(out, "%s----\n%s", text, got);
    if (!getenv("NARU_UPDATE") && strcmp(got, want) != 0) fail_msg("%s: %s\ngot: %s\nwant: %s", path, text, got, want);
    g_cases++;
    g_refused += str_starts(got, "error: ");
    free(got);
}

static void run_file(const char *path) {
    size_t size;
    char *text = read_text(path, &size), *at = text;
    str out = {0};
    for (bool more = true; more;) {
        char *cut = strstr(at, "----\n"), *end = strstr(at, "====\n");
        more = end;
        if (end) *end = 0;
        if (!cut) fail_msg("%s: a case without ----", path);
        *cut = 0;
        run_case(path, at, cut + 5, &out);
        if (more) str_add(&out, "====\n");
        at = end + 5;
    }
    if (getenv("NARU_UPDATE")) {
        FILE *f = fopen(path, "wb");
        fwrite(out.data, 1, out.len, f);
        fclose(f);
    }
    str_free(&out);
    free(text);
}

static void test_cases(void **state) {
    DIR *dir = opendir(CASES);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1000];
        snprintf(path, sizeof path, CASES "/%s", e->d_name);
        if (str_ends(path, ".txt")) run_file(path);
    }
    closedir(dir);
    printf("%d cases, %d of them refused\n", g_cases, g_refused);
    assert_true(g_cases >= 100 && g_refused * 3 >= g_cases);
}

/* ---- real files ---- */

static ast *parse_file(arena *a, const char *path) {
    size_t size;
    char *text = read_text(path, &size);
    naru_error err = NARU_ERROR_INIT;
    ast *tree = NULL;
    if (script_parse(a, path, text, size, &tree, &err) != NARU_OK) fail_msg("%s", err.message);
    free(text);
    const char *wrong = ast_check(tree);
    if (wrong) fail_msg("%s: a promise of ast.h is broken: %s", path, wrong);
    return tree;
}

static void test_archive_code(void **state) {
    DIR *dir = opendir(DATA "/code");
    assert_non_null(dir);
    int files = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1000];
        snprintf(path, sizeof path, DATA "/code/%s", e->d_name);
        if (!str_ends(path, ".py")) continue;
        arena *a = arena_new();
        ast *tree = parse_file(a, path);
        assert_true(tree->count > 0);
        assert_int_equal(ast_count(tree, AST_UNSUPPORTED), 0);
        arena_free(a);
        files++;
    }
    closedir(dir);
    assert_true(files >= 10);
}

static const ast *find(const ast *module, ast_kind kind, const char *name) {
    for (uint32_t i = 0; i < module->count; i++)
        if (module->kids[i]->kind == kind && strcmp(module->kids[i]->text, name) == 0) return module->kids[i];
    fail_msg("no %s", name);
    return NULL;
}

static void test_model_source(void **state) {
    arena *a = arena_new();
    ast *tree = parse_file(a, DATA "/script_suite.py");
    assert_int_equal(ast_count(tree, AST_UNSUPPORTED), 2); /* two lambdas */
    const ast *vec = find(tree, AST_CLASS, "Vec");
    assert_int_equal(vec->kids[2]->count, 1);
    assert_int_equal(vec->kids[1]->count, 6);
    const ast *norm = vec->kids[1]->kids[5];
    assert_string_equal(norm->text, "norm");
    assert_string_equal(norm->kids[3]->kids[0]->text, "property");
    const ast *add = vec->kids[1]->kids[1]; /* def __add__(self, o: "Vec") -> "Vec" */
    assert_int_equal(add->kids[0]->kids[1]->kids[0]->kind, AST_NAME);
    assert_string_equal(add->kids[1]->text, "Vec");
    tree = parse_file(a, DATA "/smallcnn.py");
    assert_int_equal(find(tree, AST_CLASS, "SmallCNN")->kids[0]->count, 1);
    parse_file(a, DATA "/models_suite.py");
    arena_free(a);
}

/* ---- bytes ---- */

static void check_same(const char *text, size_t n, const char *plain) {
    char *got = dump_with(script_parse, text, n), *want = dump(plain);
    assert_string_equal(got, want);
    free(got);
    free(want);
}

#define SAME(text, plain) check_same(text, sizeof text - 1, plain)

static void test_line_ends(void **state) {
    const char *plain = "if a:\n  b = 1\nc\n";
    SAME("if a:\r\n  b = 1\r\nc\r\n", plain);
    SAME("if a:\r  b = 1\rc\r", plain);
    SAME("\xEF\xBB\xBFif a:\n  b = 1\nc\n", plain);
    SAME("if a:\n  b = 1\nc", plain);
    SAME("if a:\n  b = 1\n\n\n   # comment\nc  # end", plain);
    SAME("\n# comment\n\nif a:\n # odd\n  b = 1\n     \nc\n  ", plain);
    SAME("if a :\n  b = \\\n1\nc\n", plain);
    SAME("if a:\n\tb = 1\nc\n", plain);
    SAME("\f\nif a:\n  b = 1\n\fc\n", plain);
    SAME("x = '''a\r\nb\rc'''\n", "x = 'a\\nb\\nc'\n");
    SAME("x = 'a\\\r\nb'\n", "x = 'ab'\n");
    SAME("x = (1,\r\n # in brackets\r\n  2)\r\n", "x = (1, 2)\n");
    SAME("", "");
    SAME("\n\n", "");
}

static void check_error(const char *text, size_t n, const char *want) {
    char *got = dump_with(script_parse, text, n);
    if (!strstr(got, want)) fail_msg("got %s want %s", got, want);
    assert_true(str_starts(got, "error: "));
    free(got);
}

#define FAILS(text, want) check_error(text, sizeof text - 1, want)

static void test_bad_bytes(void **state) {
    FAILS("x = 1\0\n", "t.py:1:6: a NUL byte");
    FAILS("x = '\xff'\n", "t.py:1:6: the text is not UTF-8 here");
    FAILS("x = '\xc0\xaf'\n", "not UTF-8");
    FAILS("x = '\xed\xa0\x80'\n", "not UTF-8");
    FAILS("x = '\xf4\x90\x80\x80'\n", "not UTF-8");
    FAILS("x = '\xe2\x82", "not UTF-8");
    FAILS("x\xc2\xa0= 1\n", "t.py:1:1: a character that no name can have");
    FAILS("x = \xe2\x80\x9cq\xe2\x80\x9d\n", "a character that no name can have");
    FAILS("x = 1 \\", "a backslash joins lines only at the end of one");
    FAILS("x = 1 \\ \n2\n", "a backslash joins lines only at the end of one");
    FAILS("if a:\n        b\n\tc\n", "tabs and spaces are mixed");
    FAILS("if a:\n\tif b:\n        c\n", "tabs and spaces are mixed");
}

static void test_names_of_all_scripts(void **state) {
    char *got = dump("größe = 变量\n");
    assert_string_equal(got, "(module\n  (= größe 变量))\n");
    free(got);
}

/* ---- bombs ---- */

static char *repeat(const char *head, const char *unit, size_t count, const char *tail) {
    str s = {0};
    str_add(&s, head);
    for (size_t i = 0; i < count; i++) str_add(&s, unit);
    str_add(&s, tail);
    char *text = strdup(str_text(&s));
    str_free(&s);
    return text;
}

static void check_bomb(const char *head, const char *unit, const char *tail, const char *want) {
    char *text = repeat(head, unit, 100000, tail), *got = dump(text);
    if (want && !strstr(got, want)) fail_msg("%s%s: %.200s", head, unit, got);
    if (!want && !str_starts(got, "(module")) fail_msg("%s%s: %.200s", head, unit, got);
    free(got);
    free(text);
}

static void test_deep_is_refused(void **state) {
    const char *deep = "the expression is nested deeper than 200 levels";
    check_bomb("x = ", "(", "", deep);
    check_bomb("x = ", "[", "", deep);
    check_bomb("x = ", "{", "", deep);
    check_bomb("x = ", "f(", "", deep);
    check_bomb("x = ", "a[", "", deep);
    check_bomb("x = ", "-", "1\n", deep);
    check_bomb("x = ", "not ", "a\n", deep);
    check_bomb("x = ", "a**", "a\n", deep);
    check_bomb("x = a", ".b", "\n", deep);
    check_bomb("x = a", "()", "\n", deep);
    check_bomb("x = a", "[0]", "\n", deep);
    check_bomb("x = ", "a if b else ", "c\n", deep);
    check_bomb("x = ", "lambda: ", "c\n", deep);
    check_bomb("x = ", "lambda a=lambda b=1: ", "c\n", deep);
    check_bomb("x = ", "(y := ", "", deep);
    check_bomb("", "(yield ", "", deep);
    check_bomb("x = ", "f\"{", "", "f-strings are nested too deep");
    check_bomb("x = f'{a:", "{a:", "'\n", "f-strings are nested too deep");
    check_bomb("x: ", "L[", "", deep);
    check_bomb("def f(", "a=lambda ", "", deep);
    check_bomb("(", "[", "", deep);
}

static void test_wide_is_fine(void **state) {
    check_bomb("x = ", "a + ", "a\n", NULL);
    check_bomb("x = ", "a * b - c ", "\n", "expected the end of the line");
    check_bomb("x = a", " * b - c", "\n", NULL);
    check_bomb("x = ", "a and ", "a\n", NULL);
    check_bomb("x = ", "a < ", "a\n", NULL);
    check_bomb("x = ", "a, ", "\n", NULL);
    check_bomb("", "a = ", "a\n", NULL);
    check_bomb("x = [a ", "for b in c if d ", "]\n", NULL);
    check_bomb("if a: b\n", "elif c: d\n", "else: e\n", NULL);
    check_bomb("", "@a\n", "def f(): pass\n", NULL);
    check_bomb("x = ", "'a' ", "\n", NULL);
    check_bomb("", "a;", "\n", NULL);
    check_bomb("import ", "a.", "b\n", NULL);
    check_bomb("with a", ", b", ": pass\n", NULL);
    check_bomb("def f(a", ", *", "): pass\n", "expected");
    check_bomb("x = f'", "{a}", "'\n", NULL);
    check_bomb("x = f'", "{a:#}{a}#", "'\n", NULL); /* in linear time */
    check_bomb("x = a[", "b:c:d, ", "]\n", NULL);
}

/* `if` in `else` in `if` ..., one level of indentation each. */
static char *ladder(unsigned levels) {
    str s = {0};
    for (unsigned i = 0; i < levels; i++) str_addf(&s, "%*sif a:\n", (int)i, "");
    str_addf(&s, "%*sb\n", (int)levels, "");
    char *text = strdup(str_text(&s));
    str_free(&s);
    return text;
}

static void test_blocks_have_a_limit(void **state) {
    char *text = ladder(AST_MAX_BLOCKS), *got = dump(text);
    assert_true(str_starts(got, "(module"));
    free(got);
    free(text);
    text = ladder(AST_MAX_BLOCKS + 1), got = dump(text);
    assert_non_null(strstr(got, "blocks are nested too deep"));
    free(got);
    free(text);
}

static void test_large_text(void **state) {
    size_t n = SOURCE_MAX_BYTES + 1;
    char *text = malloc(n), *got;
    memset(text, ' ', n);
    got = dump_with(script_parse, text, n);
    assert_non_null(strstr(got, "the text has 16777217 bytes, more than 16777216"));
    free(got);
    free(text);
}

/* ---- places ---- */

static char *excerpt(const char *text, uint32_t start, uint32_t end) {
    arena *a = arena_new();
    source *src;
    assert_int_equal(source_new(a, "dir/t.py", text, strlen(text), &src, NULL), NARU_OK);
    str s = {0};
    source_excerpt(&s, (src_range){src, start, end});
    char *copy = strdup(str_text(&s));
    str_free(&s);
    arena_free(a);
    return copy;
}

static void check_excerpt(const char *text, uint32_t start, uint32_t end, const char *want) {
    char *got = excerpt(text, start, end);
    assert_string_equal(got, want);
    free(got);
}

static void test_excerpts(void **state) {
    const char *text = "import a\ndef f(x):\n    y = x\n    return r + x\nz = 1\n";
    check_excerpt(text, 40, 41,
                  "  File \"dir/t.py\", line 4\n    def f(x):\n        y = x\n        return r + x\n"
                  "               ~ <--- HERE\n");
    check_excerpt(text, 40, 99,
                  "  File \"dir/t.py\", line 4\n    def f(x):\n        y = x\n        return r + x\n"
                  "               ~~~~~ <--- HERE\n");
    check_excerpt(text, 0, 6, "  File \"dir/t.py\", line 1\n    import a\n    ~~~~~~ <--- HERE\n");
    check_excerpt("\té = größe\n", 6, 13, "  File \"dir/t.py\", line 1\n    \té = größe\n    \t    ~~~~~ <--- HERE\n");
    check_excerpt("a\x1b[31m\r\n", 0, 1, "  File \"dir/t.py\", line 1\n    a?[31m\n    ~ <--- HERE\n");
    check_excerpt("a", 1, 1, "  File \"dir/t.py\", line 1\n    a\n     ~ <--- HERE\n");
    check_excerpt("", 7, 9, "  File \"dir/t.py\", line 1\n    \n    ~ <--- HERE\n");
    char *text_long = repeat("", "abcdefghij", 1000, ""), *got = excerpt(text_long, 5000, 5003);
    assert_true(strlen(got) < 400 && strstr(got, "\n    ") && strstr(got, "~~~ <--- HERE"));
    free(got);
    free(text_long);
}

static void test_positions(void **state) {
    arena *a = arena_new();
    source *src;
    uint32_t line, column;
    assert_int_equal(source_new(a, "t", "ab\ncé漢d\n", 12, &src, NULL), NARU_OK);
    const uint32_t want[][3] = {{0, 1, 1}, {2, 1, 3},  {3, 2, 1},  {6, 2, 3},
                                {9, 2, 4}, {10, 2, 5}, {11, 3, 1}, {99, 3, 2}};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        source_position(src, want[i][0], &line, &column);
        assert_int_equal(line, want[i][1]);
        assert_int_equal(column, want[i][2]);
    }
    arena_free(a);
}

static void test_ranges(void **state) {
    arena *a = arena_new();
    ast *e;
    const char *text = "f((x) + y, z.w)[1:2]";
    assert_int_equal(script_parse_expr(a, "t", text, strlen(text), &e, NULL), NARU_OK);
    assert_true(e->kind == AST_SUBSCRIPT && e->at.start == 0 && e->at.end == 20);
    ast *call = e->kids[0], *sum = call->kids[1], *attr = call->kids[2];
    assert_true(call->at.end == 15 && sum->at.start == 2 && sum->at.end == 9);
    assert_true(attr->at.start == 11 && attr->at.end == 14 && e->kids[1]->at.start == 16 && e->kids[1]->at.end == 19);
    arena_free(a);
}

/* ---- values that a dump cannot show ---- */

static ast *expr(arena *a, const char *text) {
    ast *e = NULL;
    naru_error err = NARU_ERROR_INIT;
    if (script_parse_expr(a, "t", text, strlen(text), &e, &err) != NARU_OK) fail_msg("%s", err.message);
    return e;
}

static void test_values(void **state) {
    arena *a = arena_new();
    assert_true(expr(a, "-9223372036854775808")->i == INT64_MIN);
    assert_true(expr(a, "0x7fff_ffff_ffff_ffff")->i == INT64_MAX);
    assert_true(expr(a, "0.10000000000000001")->f == 0.1);
    assert_true(expr(a, "1e-05")->f == 1e-05 && expr(a, "1_0.5_0e1_0")->f == 10.5e10);
    assert_true(__builtin_signbit(expr(a, "-0.")->f) && expr(a, "1e999")->f > 1e308);
    ast *c = expr(a, "-3.-4.j");
    assert_true(c->kind == AST_COMPLEX && c->c.re == -3 && c->c.im == -4);
    ast *s = expr(a, "'a\\0b' \"\\x41\" r'\\n'");
    assert_true(s->len == 6 && memcmp(s->text, "a\0bA\\n", 7) == 0);
    arena_free(a);
}

/* ---- memory ---- */

static naru_status parse_all(const void *text, naru_error *err) {
    ast *tree;
    arena *a = arena_new();
    naru_status st = a ? script_parse(a, "t.py", text, strlen(text), &tree, err) : NARU_OUT_OF_MEMORY;
    arena_free(a);
    return st;
}

static void test_out_of_memory(void **state) {
    const char *text = "import a.b as c\ndef f(x, # type: int\n  *, y: 'int'=2):\n  z = f'{x!r:>{y}}' 'a' + 1e5\n"
                       "  return [x + y * z for x in (1, 2) if x and y < z < 3]\n";
    sweep_with("parsing", parse_all, text, (sweep_rules){0, 3, true});
}

static int dump_file(const char *path) {
    size_t size;
    char *text = read_text(path, &size), *tree = dump_with(script_parse, text, size);
    printf("%s", tree);
    int failed = str_starts(tree, "error: ");
    free(tree);
    free(text);
    return failed;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "dump") == 0) return dump_file(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_archive_code),
        cmocka_unit_test(test_model_source),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_bad_bytes),
        cmocka_unit_test(test_names_of_all_scripts),
        cmocka_unit_test(test_deep_is_refused),
        cmocka_unit_test(test_wide_is_fine),
        cmocka_unit_test(test_blocks_have_a_limit),
        cmocka_unit_test(test_large_text),
        cmocka_unit_test(test_excerpts),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
