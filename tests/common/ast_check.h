/* SPDX-License-Identifier: MIT
 *
 * What ast.h promises of every tree: for the parser's tests and its fuzz target.
 */
#ifndef COMMON_AST_CHECK_H
#define COMMON_AST_CHECK_H

#include <string.h>

#include "script/ast.h"

static inline bool ast_has_text(const ast *n) {
    switch (n->kind) {
    case AST_CLASS:
    case AST_FUNCTION:
    case AST_PARAM:
    case AST_ALIAS:
    case AST_NAME:
    case AST_ATTR:
    case AST_STR:
    case AST_UNSUPPORTED: return true;
    default: return false;
    }
}

/* Whether a node of its kind can have so many kids. */
static inline bool ast_count_fits(const ast *n) {
    uint32_t c = n->count;
    switch (n->kind) {
    case AST_CLASS: return c == 3;
    case AST_FUNCTION: return c == 4;
    case AST_ASSIGN:
    case AST_LIST_COMP:
    case AST_GENERATOR:
    case AST_FOR_CLAUSE:
    case AST_WITH:
    case AST_IF:
    case AST_BINARY:
    case AST_COMPARE:
    case AST_BOOLOP: return c >= 2;
    case AST_ANN_ASSIGN:
    case AST_FOR:
    case AST_SLICE:
    case AST_TERNARY: return c == 3;
    case AST_AUG_ASSIGN:
    case AST_RAISE:
    case AST_ASSERT:
    case AST_WHILE:
    case AST_PARAM:
    case AST_FORMAT:
    case AST_WITH_ITEM: return c == 2;
    case AST_EXPR:
    case AST_RETURN:
    case AST_ALIAS:
    case AST_ATTR:
    case AST_KEYWORD:
    case AST_STARRED:
    case AST_UNARY: return c == 1;
    case AST_DICT: return c % 2 == 0;
    case AST_DICT_COMP: return c >= 3;
    case AST_BODY:
    case AST_DEL:
    case AST_CALL:
    case AST_SUBSCRIPT: return c >= 1;
    case AST_MODULE:
    case AST_IMPORT:
    case AST_ARGS:
    case AST_PARAMS:
    case AST_DECORATORS:
    case AST_FSTRING:
    case AST_LIST:
    case AST_TUPLE: return true;
    default: return c == 0;
    }
}

static inline bool ast_may_miss(const ast *n, uint32_t kid) {
    switch (n->kind) {
    case AST_FUNCTION:
    case AST_WITH_ITEM:
    case AST_FORMAT: return kid == 1;
    case AST_ANN_ASSIGN: return kid == 2;
    case AST_RETURN:
    case AST_ALIAS:
    case AST_RAISE:
    case AST_PARAM:
    case AST_SLICE: return true;
    case AST_ASSERT: return kid == 1;
    case AST_DICT: return kid % 2 == 0;
    default: return false;
    }
}

/* NULL: the tree keeps its promises; otherwise what is wrong. */
static inline const char *ast_check(const ast *n) {
    if (n->kind >= AST_KIND_COUNT) return "kind";
    if (!n->at.src || n->at.start > n->at.end || n->at.end > n->at.src->size) return "range";
    if (ast_has_text(n) && (!n->text || n->text[n->len])) return "text";
    if (!ast_count_fits(n)) return ast_kind_name(n->kind);
    unsigned height = 0; /* of the highest kid */
    for (uint32_t i = 0; i < n->count; i++) {
        if (!n->kids[i] && !ast_may_miss(n, i)) return "a kid is missing";
        if (!n->kids[i]) continue;
        if (n->kids[i]->height > height) height = n->kids[i]->height;
        const char *wrong = ast_check(n->kids[i]);
        if (wrong) return wrong;
    }
    if (n->kind < AST_NAME ? n->height != 0 : n->height <= height || n->height > AST_MAX_HEIGHT) return "height";
    if ((n->kind == AST_BINARY || n->kind == AST_COMPARE) && !n->ops) return "ops";
    return NULL;
}

/* How many nodes of a kind. */
static inline size_t ast_count(const ast *n, ast_kind kind) {
    if (!n) return 0;
    size_t count = n->kind == kind;
    for (uint32_t i = 0; i < n->count; i++) count += ast_count(n->kids[i], kind);
    return count;
}

#endif
