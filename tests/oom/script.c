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
#include "script/compile_in.h"

static int left;
static file_map *text;

static void *failing(void *user, void *p, size_t old_size, size_t new_size) {
    if (new_size == 0) return free(p), NULL;
    return left-- > 0 ? realloc(p, new_size) : NULL;
}

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

static naru_status whole(bool again) {
    unit *u;
    TRY(unit_new(give, NULL, 10, &u, NULL));
    naru_status st = compile_all(u);
    if (again && st == NARU_OUT_OF_MEMORY) {
        left = 1 << 30;
        if (compile_all(u) != NARU_OK) fail_msg("the unit does not recover");
    }
    unit_free(u);
    return st;
}

static void sweep(bool again, int step) {
    naru_allocator a = {sizeof a, failing, NULL};
    assert_int_equal(whole(false), NARU_OK); /* schemas stay */
    size_t live = mem_live_count();
    int n = 0;
    naru_set_allocator(&a, NULL);
    for (naru_status st = NARU_OUT_OF_MEMORY; st != NARU_OK; n += step) {
        left = n;
        st = whole(again);
        if (st != NARU_OK && st != NARU_OUT_OF_MEMORY) fail_msg("allocation %d: status %d", n, st);
        if (mem_live_count() != live) fail_msg("allocation %d: %zu blocks left", n, mem_live_count() - live);
    }
    naru_set_allocator(NULL, NULL);
    assert_true(n > 1000);
}

static void compiling(void **state) { sweep(false, 1); }
static void again(void **state) { sweep(true, 7); }

int main(void) {
    naru_error err = NARU_ERROR_INIT;
    if (file_map_open(NARU_SOURCE_DIR "/tests/script/compile/statements.py", false, &text, &err) != NARU_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(compiling), cmocka_unit_test(again)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    file_map_unref(text);
    return failed;
}
