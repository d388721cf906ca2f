/* SPDX-License-Identifier: MIT
 *
 * The compiler: any bytes as the one file of a unit; whatever of it compiles passes the verifier, the rest has a
 * message. The first byte of a text that starts with a digit is the file version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/compile_in.h"

typedef struct text {
    const char *data;
    size_t size;
} text;

static naru_status give(void *user, const char *path, const char **out, size_t *n, naru_error *err) {
    const text *t = user;
    if (strcmp(path, "__torch__.py") != 0) return err_set(err, NARU_NOT_FOUND, "no file '%s'", path);
    *out = t->data;
    *n = t->size;
    return NARU_OK;
}

static void compile(unit *u, sfunction *f) {
    naru_error err = NARU_ERROR_INIT;
    str s = {0};
    naru_status st = unit_compile(u, f, &err);
    if (st == NARU_INTERNAL || (st != NARU_OK && !err.message[0])) abort();
    if (st == NARU_OK) code_print(f, &s);
    str_free(&s);
}

static void declare(unit *u, const ast *n) {
    char name[300];
    naru_error err = NARU_ERROR_INIT;
    sfunction *f = NULL;
    sclass *c = NULL;
    snprintf(name, sizeof name, "__torch__.%s", n->text);
    if (n->kind == AST_FUNCTION && unit_function(u, name, &f, &err) == NARU_OK) compile(u, f);
    if (n->kind != AST_CLASS || unit_class(u, name, &c, &err) != NARU_OK) return;
    for (int i = 0; i < c->nmethods; i++) compile(u, c->methods[i]);
    if (sclass_entry(u, c, &f, &err) == NARU_OK) compile(u, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    text t = {(const char *)data, size};
    int version = size && data[0] >= '0' && data[0] <= '9' ? data[0] - '0' : 10;
    unit *u;
    src_file *file;
    if (size > 1 && version != 10) t.data++, t.size--;
    if (unit_new(give, &t, version, &u, NULL) != NARU_OK) return 0;
    stuple *constants = stuple_new(2, NULL);
    if (constants) {
        constants->items[0] = sv_of(sten_new(NARU_FLOAT, 0, NULL));
        constants->items[1] = sv_strz("constant");
        u->constants = sv_of(constants);
        sv_share(u->constants);
    }
    if (unit_file(u, "__torch__.py", &file, NULL) == NARU_OK && file->module)
        for (uint32_t i = 0; i < file->module->count; i++) {
            const ast *n = file->module->kids[i];
            if (n->kind == AST_FUNCTION || n->kind == AST_CLASS) declare(u, n);
        }
    unit_check(u, NULL, NULL);
    unit_free(u);
    return 0;
}
