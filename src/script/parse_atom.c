/* SPDX-License-Identifier: MIT
 *
 * Atoms: names, constants, displays and comprehensions; lambda and yield, which the language refuses.
 */
#include "script/parse_in.h"

static ast *constant(parser *p, ast_kind kind, int64_t i) {
    ast *n = syntax_leaf(p, kind, p->tok.start, p->tok.end);
    if (n) n->i = i;
    syntax_advance(p);
    return n;
}

/* ---- comprehensions ---- */

bool syntax_at_clause(const parser *p) {
    return syntax_is(p, T_FOR) || (syntax_is(p, T_ASYNC) && p->next.kind == T_FOR);
}

static ast *clause(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_push(p, syntax_target(p, syntax_targets(p))) || !syntax_need(p, T_IN) ||
        !syntax_push(p, syntax_level(p, LEVEL_OR)))
        return NULL;
    while (syntax_take(p, T_IF))
        if (!syntax_push(p, syntax_level(p, LEVEL_OR))) return NULL;
    return syntax_node(p, AST_FOR_CLAUSE, start, mark);
}

bool syntax_clauses(parser *p, bool *async) {
    while (syntax_at_clause(p)) {
        *async |= syntax_take(p, T_ASYNC);
        if (!syntax_push(p, clause(p))) return false;
    }
    return true;
}

/* The clauses and the bracket after them; what stands before them is pushed above mark. */
static ast *comprehension(parser *p, ast_kind kind, token_kind close, uint32_t open, size_t mark) {
    bool async = false;
    if (!syntax_clauses(p, &async) || !syntax_close(p, close, open)) return NULL;
    ast *n = syntax_node(p, kind, open, mark);
    return n && async ? syntax_unsupported(p, open, p->last_end, "async comprehensions aren't supported") : n;
}

/* ---- displays ---- */

/* The rest of `element, element, ...` and its bracket; gives whether the last element has a comma after it. */
static bool elements(parser *p, token_kind close, uint32_t open, bool *comma) {
    while ((*comma = syntax_take(p, T_COMMA)) && !syntax_is(p, close))
        if (!syntax_push(p, syntax_star_or_named(p))) return false;
    return syntax_close(p, close, open);
}

static ast *list(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    bool comma;
    syntax_advance(p);
    if (syntax_take(p, T_CLOSE_SQUARE)) return syntax_node(p, AST_LIST, open, mark);
    if (!syntax_push(p, syntax_star_or_named(p))) return NULL;
    if (syntax_at_clause(p)) return comprehension(p, AST_LIST_COMP, T_CLOSE_SQUARE, open, mark);
    return elements(p, T_CLOSE_SQUARE, open, &comma) ? syntax_node(p, AST_LIST, open, mark) : NULL;
}

static ast *tuple(parser *p, uint32_t open, size_t mark, bool comma) {
    ast *n = syntax_node(p, AST_TUPLE, open, mark);
    if (n) n->flags = (uint8_t)(AST_PAREN | (comma ? AST_TRAILING_COMMA : 0));
    return n;
}

static ast *parenthesized(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    bool comma;
    syntax_advance(p);
    if (syntax_take(p, T_CLOSE)) return tuple(p, open, mark, false);
    ast *first = syntax_is(p, T_YIELD) ? syntax_yield(p) : syntax_star_or_named(p);
    if (!first) return NULL;
    if (syntax_at_clause(p)) return syntax_push(p, first) ? comprehension(p, AST_GENERATOR, T_CLOSE, open, mark) : NULL;
    if (syntax_is(p, T_COMMA)) {
        if (!syntax_push(p, first) || !elements(p, T_CLOSE, open, &comma)) return NULL;
        return tuple(p, open, mark, comma);
    }
    if (first->kind == AST_STARRED) return syntax_lone_star(p, first);
    return syntax_close(p, T_CLOSE, open) ? first : NULL;
}

static bool pair(parser *p) {
    if (syntax_take(p, T_POW)) return syntax_push_missing(p) && syntax_push(p, syntax_level(p, LEVEL_BIT_OR));
    return syntax_push(p, syntax_test(p)) && syntax_need(p, T_COLON) && syntax_push(p, syntax_test(p));
}

static ast *dict(parser *p, uint32_t open, size_t mark) {
    while (syntax_take(p, T_COMMA) && !syntax_is(p, T_CLOSE_CURLY))
        if (!pair(p)) return NULL;
    return syntax_close(p, T_CLOSE_CURLY, open) ? syntax_node(p, AST_DICT, open, mark) : NULL;
}

static ast *set(parser *p, uint32_t open, size_t mark) {
    bool comma, comp = syntax_at_clause(p);
    if (comp ? !comprehension(p, AST_LIST_COMP, T_CLOSE_CURLY, open, mark) : !elements(p, T_CLOSE_CURLY, open, &comma))
        return NULL;
    p->kids.count = mark;
    return syntax_unsupported(p, open, p->last_end, comp ? "SetComp aren't supported" : "Set aren't supported");
}

static ast *braces(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (syntax_take(p, T_CLOSE_CURLY)) return syntax_node(p, AST_DICT, open, mark);
    if (syntax_is(p, T_POW)) return pair(p) ? dict(p, open, mark) : NULL;
    if (!syntax_push(p, syntax_star_or_named(p))) return NULL;
    if (!syntax_take(p, T_COLON)) return set(p, open, mark);
    if (!syntax_push(p, syntax_test(p))) return NULL;
    if (syntax_at_clause(p)) return comprehension(p, AST_DICT_COMP, T_CLOSE_CURLY, open, mark);
    return dict(p, open, mark);
}

/* ---- what the language refuses ---- */

ast *syntax_lambda(parser *p) {
    uint32_t start = p->tok.start;
    syntax_advance(p);
    if (!syntax_params(p, T_COLON) || !syntax_need(p, T_COLON) || !syntax_test(p)) return NULL;
    return syntax_unsupported(p, start, p->last_end, "Lambda aren't supported");
}

ast *syntax_yield(parser *p) {
    uint32_t start = p->tok.start;
    syntax_advance(p);
    bool from = syntax_take(p, T_FROM);
    if ((from || syntax_starts(p->tok.kind)) && !(from ? syntax_test(p) : syntax_tests(p))) return NULL;
    return syntax_unsupported(p, start, p->last_end, from ? "YieldFrom aren't supported" : "Yield aren't supported");
}

ast *syntax_atom(parser *p) {
    switch (p->tok.kind) {
    case T_NAME: return syntax_name(p);
    case T_INT:
    case T_FLOAT:
    case T_IMAGINARY: return syntax_number(p, p->tok.start, false);
    case T_STRING: return syntax_strings(p);
    case T_TRUE: return constant(p, AST_BOOL, 1);
    case T_FALSE: return constant(p, AST_BOOL, 0);
    case T_NONE: return constant(p, AST_NONE, 0);
    case T_ELLIPSIS: return constant(p, AST_ELLIPSIS, 0);
    case T_OPEN: return parenthesized(p);
    case T_OPEN_SQUARE: return list(p);
    case T_OPEN_CURLY: return braces(p);
    default: return syntax_unexpected(p, "an expression");
    }
}
