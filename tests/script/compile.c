/* SPDX-License-Identifier: MIT
 *
 * The compiler. Dropped cases: each file of tests/script/compile is Python source with directives in comments:
 *   #= f(1, "a") -> TEXT      runs; the result prints as TEXT
 *   #= f(1) raises TEXT       runs into an exception whose message contains TEXT
 *   #@ Class(1) -> TEXT       runs the entry (forward with its hooks) of a new object
 *   #! f: TEXT                does not compile; the message contains TEXT
 *   #: f: TEXT                its code, as code_print writes it, has a line that contains TEXT
 *   #~ f                      is known to change attributes of modules; "#~ not f" that it does not
 * `test_script_compile dump FILE [FUNCTION]` prints code.
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
#include "script/compile_in.h"
#include "script/eager.h"
#include "script/parse.h"

#define CASES NARU_SOURCE_DIR "/tests/script/compile"

typedef struct runner {
    const char *name; /* file without ".py" */
    char *text;
    size_t size;
    unit *u;
    vm m;
    int failed, count;
} runner;

static pool *g_pool;
static eager *g_eager;

/* ---- a file as a unit ---- */
static naru_status give_text(void *user, const char *path, const char **text, size_t *n, naru_error *err) {
    const runner *r = user;
    char own[256];
    snprintf(own, sizeof own, "__torch__/%s.py", r->name);
    if (strcmp(own, path) != 0) return err_set(err, NARU_NOT_FOUND, "no file '%s'", path);
    *text = r->text;
    *n = r->size;
    return NARU_OK;
}

static void open_file(runner *r, const char *path, const char *name) {
    naru_error err = NARU_ERROR_INIT;
    file_map *m;
    if (file_map_open(path, false, &m, &err) != NARU_OK) fail_msg("%s", err.message);
    *r = (runner){.name = name, .text = calloc(1, m->size + 1), .size = m->size};
    memcpy(r->text, m->data, m->size);
    file_map_unref(m);
    if (unit_new(give_text, r, 10, &r->u, &err) != NARU_OK) fail_msg("%s", err.message);
    assert_int_equal(vm_init(&r->m, r->u, g_eager), NARU_OK);
}

static void close_file(runner *r) {
    vm_done(&r->m);
    unit_free(r->u);
    free(r->text);
}

static sfunction *function_named(runner *r, const char *name, naru_error *err) { /* "f" or "Class.f" */
    char full[256], cls[256];
    sfunction *f = NULL;
    const char *dot = strchr(name, '.');
    snprintf(full, sizeof full, "__torch__.%s.%s", r->name, name);
    if (!dot) return unit_function(r->u, full, &f, err) == NARU_OK ? f : NULL;
    sclass *c;
    snprintf(cls, sizeof cls, "__torch__.%s.%.*s", r->name, (int)(dot - name), name);
    return unit_class(r->u, cls, &c, err) == NARU_OK ? sclass_method(c, dot + 1) : NULL;
}

static sfunction *entry_named(runner *r, const char *name, naru_error *err) {
    char full[256];
    sclass *c;
    sfunction *f = NULL;
    snprintf(full, sizeof full, "__torch__.%s.%s", r->name, name);
    if (unit_class(r->u, full, &c, err) != NARU_OK) return NULL;
    return sclass_entry(r->u, c, &f, err) == NARU_OK ? f : NULL;
}

static void complain(runner *r, int line, const char *what, const char *wanted, const char *got) {
    r->failed++;
    print_error("%s.py:%d: %s\n  wanted: %s\n  got:    %s\n", r->name, line, what, wanted, got);
}

/* ---- running ---- */
static sv argument(unit *u, const ast *e, const stype *t) {
    sv v = sv_none();
    if (e->kind == AST_DICT) {
        const stype *d = t->kind == ST_DICT ? t : stype_dict(u->arena, &stype_str, &stype_int);
        sdict *dict = sdict_new(d->args[0], d->args[1]);
        for (uint32_t i = 0; i < e->count; i += 2)
            sdict_put(dict, argument(u, e->kids[i], d->args[0]), argument(u, e->kids[i + 1], d->args[1]));
        return sv_of(dict);
    }
    if (e->kind == AST_LIST) {
        const stype *l = t->kind == ST_OPTIONAL ? t->args[0] : t;
        slist *list = slist_new(l->kind == ST_LIST ? l->args[0] : &stype_int, e->count);
        for (uint32_t i = 0; i < e->count; i++) slist_push(list, argument(u, e->kids[i], list->elem));
        return sv_of(list);
    }
    naru_error err = NARU_ERROR_INIT;
    if (const_value(u, e, t, &v, &err) != NARU_OK) fail_msg("argument: %s", err.message);
    return v;
}

static naru_status run_call(runner *r, bool entry, const char *text, size_t n, str *out, naru_error *err) {
    ast *e;
    TRY(script_parse_expr(r->u->arena, "call", text, n, &e, err));
    sfunction *f = entry ? entry_named(r, e->kids[0]->text, err) : function_named(r, e->kids[0]->text, err);
    if (!f) return NARU_NOT_FOUND;
    TRY(unit_compile(r->u, f, err));
    sv args[16], v = sv_none();
    int self = f->owner != NULL, nargs = (int)e->count - 1 + self;
    if (self) args[0] = sv_of(sobject_new(f->owner));
    for (int i = self; i < nargs && i < 16; i++)
        args[i] = argument(r->u, e->kids[i + 1 - self], i < f->nparams ? f->params[i].type : &stype_any);
    naru_status st = vm_call(&r->m, f, nargs, args, &v, err);
    if (st == NARU_OK) sv_print(v, out);
    for (int i = 0; i < nargs && i < 16; i++) sv_drop(args[i]);
    sv_drop(v);
    return st;
}

static void check_run(runner *r, int line, bool entry, const char *text) {
    const char *arrow = strstr(text, " -> "), *raises = strstr(text, " raises ");
    const char *wanted = arrow ? arrow + 4 : raises ? raises + 8 : "";
    size_t n = (size_t)((arrow ? arrow : raises ? raises : text) - text);
    str out = {0};
    naru_error err = NARU_ERROR_INIT;
    naru_status st = run_call(r, entry, text, n, &out, &err);
    r->count++;
    if (st != NARU_OK) str_add(&out, err.message);
    bool good = arrow ? st == NARU_OK && strcmp(str_text(&out), wanted) == 0
                      : st == NARU_SCRIPT && strstr(str_text(&out), wanted);
    if (!good) complain(r, line, text, wanted, str_text(&out));
    str_free(&out);
}

/* ---- what does not run ---- */
static void check_failure(runner *r, int line, const char *name, const char *wanted) {
    naru_error err = NARU_ERROR_INIT;
    sfunction *f = function_named(r, name, &err);
    naru_status st = f ? unit_compile(r->u, f, &err) : NARU_NOT_FOUND;
    r->count++;
    if (st == NARU_OK) complain(r, line, name, wanted, "it compiles");
    else if (!strstr(err.message, wanted)) complain(r, line, name, wanted, err.message);
}

static void check_code(runner *r, int line, const char *name, const char *wanted) {
    naru_error err = NARU_ERROR_INIT;
    sfunction *f = function_named(r, name, &err);
    str out = {0};
    r->count++;
    if (f && unit_compile(r->u, f, &err) == NARU_OK) code_print(f, &out);
    else str_add(&out, err.message);
    if (!strstr(str_text(&out), wanted)) complain(r, line, name, wanted, str_text(&out));
    str_free(&out);
}

static void check_writes(runner *r, int line, const char *name) {
    bool wanted = !str_starts(name, "not ");
    naru_error err = NARU_ERROR_INIT;
    sfunction *f = function_named(r, wanted ? name : name + 4, &err);
    r->count++;
    if (!f || unit_compile(r->u, f, &err) != NARU_OK) complain(r, line, name, "it compiles", err.message);
    else if (f->writes_attrs != wanted)
        complain(r, line, name, "", wanted ? "it is not said to write" : "it is said to write");
}

static void check_line(runner *r, int line, char *text) {
    if (text[0] != '#' || text[1] == 0 || text[2] != ' ') return;
    char *name = text + 3, *colon = strstr(name, ": ");
    if (text[1] == '=' || text[1] == '@') check_run(r, line, text[1] == '@', name);
    if (text[1] == '~') check_writes(r, line, name);
    if ((text[1] != '!' && text[1] != ':') || !colon) return;
    *colon = 0;
    if (text[1] == '!') check_failure(r, line, name, colon + 2);
    else check_code(r, line, name, colon + 2);
}

static int check_file(const char *path, const char *name) {
    runner r;
    open_file(&r, path, name);
    int line = 1;
    char *copy = strdup(r.text), *rest = copy, *text;
    for (; (text = strsep(&rest, "\n")); line++) check_line(&r, line, text);
    free(copy);
    if (!r.count) fail_msg("%s has no directives", path);
    int failed = r.failed;
    close_file(&r);
    return failed;
}

static void dropped_cases(void **state) {
    DIR *d = opendir(CASES);
    assert_non_null(d);
    int failed = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024], name[256];
        if (!str_ends(e->d_name, ".py")) continue;
        snprintf(path, sizeof path, "%s/%s", CASES, e->d_name);
        snprintf(name, sizeof name, "%.*s", (int)strlen(e->d_name) - 3, e->d_name);
        failed += check_file(path, name);
    }
    closedir(d);
    assert_int_equal(failed, 0);
}

/* ---- types ---- */
static const char *said(unit *u, const char *text) {
    static char out[300];
    const stype *t = NULL;
    naru_error err = NARU_ERROR_INIT;
    str s = {0};
    if (unit_type(u, text, strlen(text), &t, &err) == NARU_OK) stype_print(t, &s);
    else str_add(&s, err.message);
    snprintf(out, sizeof out, "%s", str_text(&s));
    str_free(&s);
    return out;
}

static void types(void **state) {
    unit *u;
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(unit_new(NULL, NULL, 10, &u, &err), NARU_OK);
    assert_string_equal(said(u, "Dict[str, List[Tensor]]"), "Dict[str, List[Tensor]]");
    assert_string_equal(said(u, "Optional[Optional[int]]"), "Optional[int]");
    assert_string_equal(said(u, "Union[int, None, str, int]"), "Optional[Union[int, str]]");
    assert_string_equal(said(u, "torch.Tensor | None"), "Optional[Tensor]");
    assert_string_equal(said(u, "Tuple[()]"), "Tuple[()]");
    assert_string_equal(said(u, "Future[Tuple[int, \"Tensor\"]]"), "Future[Tuple[int, Tensor]]");
    assert_string_equal(said(u, "__torch__.torch.classes.quantized.LinearPackedParamsBase"),
                        "__torch__.torch.classes.quantized.LinearPackedParamsBase");
    assert_non_null(strstr(said(u, "__torch__.a.B"), "Unknown type name '__torch__.a.B'"));
    assert_non_null(strstr(said(u, "Dict[List[int], int]"), "Cannot create dict"));
    assert_non_null(strstr(said(u, "Sequence[int]"), "Unknown type constructor Sequence"));
    unit_free(u);
}

static bool below(unit *u, const char *a, const char *b) {
    const stype *x, *y;
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(unit_type(u, a, strlen(a), &x, &err), NARU_OK);
    assert_int_equal(unit_type(u, b, strlen(b), &y, &err), NARU_OK);
    return stype_subtype(x, y);
}

static void subtypes(void **state) {
    unit *u;
    naru_error err = NARU_ERROR_INIT;
    assert_int_equal(unit_new(NULL, NULL, 10, &u, &err), NARU_OK);
    assert_true(below(u, "int", "Optional[int]"));
    assert_true(below(u, "None", "Optional[int]"));
    assert_true(below(u, "int", "number"));
    assert_true(below(u, "Optional[int]", "Optional[number]"));
    assert_true(below(u, "List[int]", "Any"));
    assert_true(below(u, "Tuple[int, None]", "Tuple[number, Optional[str]]"));
    assert_true(below(u, "Union[int, str]", "Union[str, float, int]"));
    assert_false(below(u, "bool", "number"));
    assert_false(below(u, "Optional[int]", "int"));
    assert_false(below(u, "List[int]", "List[number]"));
    assert_false(below(u, "int", "float"));
    unit_free(u);
}

static int dump(const char *path, const char *name) {
    runner r;
    naru_error err = NARU_ERROR_INIT;
    src_file *file;
    open_file(&r, path, "file");
    if (unit_file(r.u, "__torch__/file.py", &file, &err) != NARU_OK) return fprintf(stderr, "%s\n", err.message), 1;
    for (uint32_t i = 0; i < file->module->count; i++) {
        const ast *n = file->module->kids[i];
        if (n->kind != AST_FUNCTION || (name && strcmp(n->text, name) != 0)) continue;
        sfunction *f = function_named(&r, n->text, &err);
        str s = {0};
        if (f && unit_compile(r.u, f, &err) == NARU_OK) code_print(f, &s);
        else str_addf(&s, "%s: %s\n", n->text, err.message);
        fputs(str_text(&s), stdout);
        str_free(&s);
    }
    close_file(&r);
    return 0;
}

int main(int argc, char **words) {
    naru_error err = NARU_ERROR_INIT;
    if (pool_create(1, 0, &g_pool, &err) != NARU_OK || eager_new(cpu_best(), g_pool, 1, &g_eager, &err) != NARU_OK)
        return 1;
    if (argc > 2 && strcmp(words[1], "dump") == 0) return dump(words[2], argc > 3 ? words[3] : NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(types), cmocka_unit_test(subtypes),
                                       cmocka_unit_test(dropped_cases)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    eager_free(g_eager);
    pool_destroy(g_pool);
    return failed;
}
