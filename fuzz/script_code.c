/* SPDX-License-Identifier: MIT
 *
 * The language's parser: any bytes are a tree that keeps the promises of ast.h, or an error with a place; the same
 * bytes give the same tree.
 */
#include <stdlib.h>
#include <string.h>

#include "../tests/common/ast_check.h"
#include "script/parse.h"

typedef naru_status entry(arena *, const char *, const char *, size_t, ast **, naru_error *);

static void check_excerpts(const ast *n, str *s) {
    if (!n) return;
    if (n->kind == AST_UNSUPPORTED || n->kind == AST_FUNCTION) source_excerpt(s, n->at);
    for (uint32_t i = 0; i < n->count; i++) check_excerpts(n->kids[i], s);
}

/* The tree as text, or the message. */
static void parse_once(entry *parse, const char *text, size_t n, str *out) {
    arena *a = arena_new();
    ast *tree;
    naru_error err = NARU_ERROR_INIT;
    if (!a) return;
    if (parse(a, "fuzz.py", text, n, &tree, &err) != NARU_OK) {
        if (!err.message[0] || err.offset > (int64_t)n) abort();
        str_add(out, err.message);
    } else {
        if (ast_check(tree)) abort();
        ast_print(out, tree);
        if (n < 4096) check_excerpts(tree, out);
    }
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static entry *const entries[] = {script_parse, script_parse_expr, script_parse_type};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        str a = {0}, b = {0};
        parse_once(entries[i], (const char *)data, size, &a);
        parse_once(entries[i], (const char *)data, size, &b);
        if (a.failed != b.failed || strcmp(str_text(&a), str_text(&b)) != 0) abort();
        str_free(&a);
        str_free(&b);
    }
    return 0;
}
