/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails while TorchScript code is parsed, declared and compiled: each time OUT_OF_MEMORY, nothing
 * left behind, and the same unit compiles afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/file.h"
#include "oom_sweep.h"
#include "script/compile_in.h"

static file_map *text;

static naru_status give(void *user, const char *path, const char **out, size_t *n, naru_error *err) {
    if (strcmp(path, "__torch__/statements.py") != 0) return NARU_NOT_FOUND;
    *out = (const char *)text->data;
    *n = text->size;
    return NARU_OK;
}

static naru_status compile_all(unit *u) { /* what does not compile is no failure here */
    src_file *file;
    TRY(unit_file(u, "__torch__/statements.py", &file, NULL));
    for (uint32_t i = 0; i < file->module->count; i++) {
        char name[200];
        sfunction *f;
        sclass *c;
        naru_status st = NARU_OK;
        snprintf(name, sizeof name, "__torch__.statements.%s", file->module->kids[i]->text);
        if (file->module->kids[i]->kind == AST_CLASS) TRY(unit_class(u, name, &c, NULL));
        if (file->module->kids[i]->kind != AST_FUNCTION) continue;
        TRY(unit_function(u, name, &f, NULL));
        if ((st = unit_compile(u, f, NULL)) == NARU_OUT_OF_MEMORY) return st;
        if (st == NARU_INTERNAL) fail_msg("%s: internal error", name);
    }
    return NARU_OK;
}

static naru_status whole(const void *recovers, naru_error *err) {
    unit *u;
    TRY(unit_new(give, NULL, 10, &u, err));
    naru_status st = compile_all(u);
    if (recovers && st == NARU_OUT_OF_MEMORY) {
        long left = failing_stop();
        if (compile_all(u) != NARU_OK) fail_msg("the unit does not recover");
        failing_at(left, true);
    }
    unit_free(u);
    return st;
}

static void sweep(const char *what, const void *recovers, long dense) {
    assert_int_equal(whole(NULL, NULL), NARU_OK); /* schemas stay */
    sweep_with(what, whole, recovers, (sweep_rules){dense, 500, true});
}

static void compiling(void **state) { sweep("compiling", NULL, 0); }
static void again(void **state) { sweep("compiling again", "", 800); }

int main(void) {
    naru_error err = NARU_ERROR_INIT;
    if (file_map_open(NARU_SOURCE_DIR "/tests/script/compile/statements.py", false, &text, &err) != NARU_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(compiling), cmocka_unit_test(again)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    file_map_unref(text);
    return failed;
}
