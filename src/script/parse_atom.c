/* SPDX-License-Identifier: MIT
 *
 * Atoms: names, constants, displays and comprehensions; lambda and yield, which the language refuses.
 */
#include "script/parse_in.h"

static ast *constant(parser *p, ast_kind kind, int64_t i) {
    ast *n = parse_leaf(p, kind, p->tok.start, p->tok.end);
    if (n) n->i = i;
    parse_advance(p);
    return n;
}

/* ---- comprehensions ---- */

bool parse_at_clause(const parser *p) { return parse_is(p, T_FOR) || (parse_is(p, T_ASYNC) && p->next.kind == T_FOR); }

static ast *clause(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (!parse_push(p, parse_target(p, parse_targets(p))) || !parse_need(p, T_IN) ||
        !parse_push(p, parse_level(p, LEVEL_OR)))
        return NULL;
    while (parse_take(p, T_IF))
        if (!parse_push(p, parse_level(p, LEVEL_OR))) return NULL;
    return parse_node(p, AST_FOR_CLAUSE, start, mark);
}

bool parse_clauses(parser *p, bool *async) {
    while (parse_at_clause(p)) {
        *async |= parse_take(p, T_ASYNC);
        if (!parse_push(p, clause(p))) return false;
    }
    return true;
}

/* The clauses and the bracket after them; what stands before them is pushed above mark. */
static ast *comprehension(parser *p, ast_kind kind, token_kind close, uint32_t open, size_t mark) {
    bool async = false;
    if (!parse_clauses(p, &async) || !parse_close(p, close, open)) return NULL;
    ast *n = parse_node(p, kind, open, mark);
    return n && async ? parse_unsupported(p, open, p->last_end, "async comprehensions aren't supported") : n;
}

/* ---- displays ---- */

/* The rest of `element, element, ...` and its bracket; gives whether the last element has a comma after it. */
static bool elements(parser *p, token_kind close, uint32_t open, bool *comma) {
    while ((*comma = parse_take(p, T_COMMA)) && !parse_is(p, close))
        if (!parse_push(p, parse_star_or_named(p))) return false;
    return parse_close(p, close, open);
}

static ast *list(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    bool comma;
    parse_advance(p);
    if (parse_take(p, T_CLOSE_SQUARE)) return parse_node(p, AST_LIST, open, mark);
    if (!parse_push(p, parse_star_or_named(p))) return NULL;
    if (parse_at_clause(p)) return comprehension(p, AST_LIST_COMP, T_CLOSE_SQUARE, open, mark);
    return elements(p, T_CLOSE_SQUARE, open, &comma) ? parse_node(p, AST_LIST, open, mark) : NULL;
}

static ast *tuple(parser *p, uint32_t open, size_t mark, bool comma) {
    ast *n = parse_node(p, AST_TUPLE, open, mark);
    if (n) n->flags = (uint8_t)(AST_PAREN | (comma ? AST_TRAILING_COMMA : 0));
    return n;
}

static ast *parenthesized(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    bool comma;
    parse_advance(p);
    if (parse_take(p, T_CLOSE)) return tuple(p, open, mark, false);
    ast *first = parse_is(p, T_YIELD) ? parse_yield(p) : parse_star_or_named(p);
    if (!first) return NULL;
    if (parse_at_clause(p)) return parse_push(p, first) ? comprehension(p, AST_GENERATOR, T_CLOSE, open, mark) : NULL;
    if (parse_is(p, T_COMMA)) {
        if (!parse_push(p, first) || !elements(p, T_CLOSE, open, &comma)) return NULL;
        return tuple(p, open, mark, comma);
    }
    if (first->kind == AST_STARRED) return parse_lone_star(p, first);
    return parse_close(p, T_CLOSE, open) ? first : NULL;
}

static bool pair(parser *p) {
    if (parse_take(p, T_POW)) return parse_push_missing(p) && parse_push(p, parse_level(p, LEVEL_BIT_OR));
    return parse_push(p, parse_test(p)) && parse_need(p, T_COLON) && parse_push(p, parse_test(p));
}

static ast *dict(parser *p, uint32_t open, size_t mark) {
    while (parse_take(p, T_COMMA) && !parse_is(p, T_CLOSE_CURLY))
        if (!pair(p)) return NULL;
    return parse_close(p, T_CLOSE_CURLY, open) ? parse_node(p, AST_DICT, open, mark) : NULL;
}

static ast *set(parser *p, uint32_t open, size_t mark) {
    bool comma, comp = parse_at_clause(p);
    if (comp ? !comprehension(p, AST_LIST_COMP, T_CLOSE_CURLY, open, mark) : !elements(p, T_CLOSE_CURLY, open, &comma))
        return NULL;
    p->kids.count = mark;
    return parse_unsupported(p, open, p->last_end, comp ? "SetComp aren't supported" : "Set aren't supported");
}

static ast *braces(parser *p) {
    uint32_t open = p->tok.start;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (parse_take(p, T_CLOSE_CURLY)) return parse_node(p, AST_DICT, open, mark);
    if (parse_is(p, T_POW)) return pair(p) ? dict(p, open, mark) : NULL;
    if (!parse_push(p, parse_star_or_named(p))) return NULL;
    if (!parse_take(p, T_COLON)) return set(p, open, mark);
    if (!parse_push(p, parse_test(p))) return NULL;
    if (parse_at_clause(p)) return comprehension(p, AST_DICT_COMP, T_CLOSE_CURLY, open, mark);
    return dict(p, open, mark);
}

/* ---- what the language refuses ---- */

ast *parse_lambda(parser *p) {
    uint32_t start = p->tok.start;
    parse_advance(p);
    if (!parse_params(p, T_COLON) || !parse_need(p, T_COLON) || !parse_test(p)) return NULL;
    return parse_unsupported(p, start, p->last_end, "Lambda aren't supported");
}

ast *parse_yield(parser *p) {
    uint32_t start = p->tok.start;
    parse_advance(p);
    bool from = parse_take(p, T_FROM);
    if ((from || parse_starts(p->tok.kind)) && !(from ? parse_test(p) : parse_tests(p))) return NULL;
    return parse_unsupported(p, start, p->last_end, from ? "YieldFrom aren't supported" : "Yield aren't supported");
}

ast *parse_atom(parser *p) {
    switch (p->tok.kind) {
    case T_NAME: return parse_name(p);
    case T_INT:
    case T_FLOAT:
    case T_IMAGINARY: return parse_number(p, p->tok.start, false);
    case T_STRING: return parse_strings(p);
    case T_TRUE: return constant(p, AST_BOOL, 1);
    case T_FALSE: return constant(p, AST_BOOL, 0);
    case T_NONE: return constant(p, AST_NONE, 0);
    case T_ELLIPSIS: return constant(p, AST_ELLIPSIS, 0);
    case T_OPEN: return parenthesized(p);
    case T_OPEN_SQUARE: return list(p);
    case T_OPEN_CURLY: return braces(p);
    default: return parse_unexpected(p, "an expression");
    }
}
