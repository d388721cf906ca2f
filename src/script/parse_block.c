/* SPDX-License-Identifier: MIT
 *
 * Compound statements and blocks. Those that the language refuses are read all the same and leave one UNSUPPORTED node.
 */
#include <string.h>

#include "script/parse_in.h"

/* ---- blocks ---- */

/* The lines of a block up to where it ends. */
static bool lines(parser *p) {
    do
        if (!syntax_statement(p)) return false;
    while (!syntax_is(p, T_DEDENT) && !syntax_is(p, T_END));
    syntax_take(p, T_DEDENT);
    return true;
}

ast *syntax_block(parser *p, token *comment) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!syntax_need(p, T_COLON)) return NULL;
    if (!syntax_is(p, T_NEWLINE)) return syntax_simple_line(p) ? syntax_node(p, AST_BODY, start, mark) : NULL;
    if (comment) *comment = p->tok;
    syntax_advance(p);
    if (comment && !comment->type_end) *comment = p->tok;
    if (!syntax_take(p, T_INDENT)) return syntax_unexpected(p, "an indented block");
    return lines(p) ? syntax_node(p, AST_BODY, start, mark) : NULL;
}

/* ---- if, while, for ---- */

static ast *if_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    do {
        syntax_advance(p); /* if, elif */
        if (!syntax_push(p, syntax_named(p)) || !syntax_push(p, syntax_block(p, NULL))) return NULL;
    } while (syntax_is(p, T_ELIF));
    if (syntax_take(p, T_ELSE) && !syntax_push(p, syntax_block(p, NULL))) return NULL;
    return syntax_node(p, AST_IF, start, mark);
}

/* The loop, unless it has an `else`. */
static ast *after_loop(parser *p, ast *loop) {
    token t = p->tok;
    if (!loop || !syntax_take(p, T_ELSE)) return loop;
    if (!syntax_block(p, NULL)) return NULL;
    return syntax_unsupported(p, t.start, t.end, "else branches of for/while loops aren't supported");
}

static ast *while_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_push(p, syntax_named(p)) || !syntax_push(p, syntax_block(p, NULL))) return NULL;
    return after_loop(p, syntax_node(p, AST_WHILE, start, mark));
}

static ast *for_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_push(p, syntax_target(p, syntax_targets(p))) || !syntax_need(p, T_IN) ||
        !syntax_push(p, syntax_tests(p)) || !syntax_push(p, syntax_block(p, NULL)))
        return NULL;
    return after_loop(p, syntax_node(p, AST_FOR, start, mark));
}

/* ---- with ---- */

static ast *with_item(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!syntax_push(p, syntax_test(p))) return NULL;
    bool named = syntax_take(p, T_AS);
    if (!(named ? syntax_push(p, syntax_target(p, syntax_level(p, LEVEL_BIT_OR))) : syntax_push_missing(p)))
        return NULL;
    return syntax_node(p, AST_WITH_ITEM, start, mark);
}

/* Whether `(` opens a list of items: its `)` stands before the colon, and there is a comma or an `as` inside. */
static bool parenthesized_items(const parser *p) {
    lexer ahead = p->lex;
    token t = p->next;
    unsigned depth = 1;
    bool several = false;
    for (; depth; t = lex_next(&ahead)) {
        several |= depth == 1 && (t.kind == T_COMMA || t.kind == T_AS);
        if (t.kind == T_OPEN || t.kind == T_OPEN_SQUARE || t.kind == T_OPEN_CURLY) depth++;
        if (t.kind == T_CLOSE || t.kind == T_CLOSE_SQUARE || t.kind == T_CLOSE_CURLY) depth--;
        if (t.kind == T_END || t.kind == T_ERROR) return false;
    }
    return several && t.kind == T_COLON;
}

static ast *with_statement(parser *p) {
    uint32_t start = p->tok.start, open;
    size_t mark = p->kids.count;
    syntax_advance(p);
    open = p->tok.start;
    bool wrapped = syntax_is(p, T_OPEN) && parenthesized_items(p);
    if (wrapped) syntax_advance(p);
    do
        if (!syntax_push(p, with_item(p))) return NULL;
    while (syntax_take(p, T_COMMA) && !syntax_is(p, T_CLOSE));
    if (wrapped && !syntax_close(p, T_CLOSE, open)) return NULL;
    return syntax_push(p, syntax_block(p, NULL)) ? syntax_node(p, AST_WITH, start, mark) : NULL;
}

/* ---- read and refused ---- */

static bool handler(parser *p) {
    syntax_advance(p);
    syntax_take(p, T_MUL);
    if (!syntax_is(p, T_COLON) && !syntax_tests(p)) return false;
    if (syntax_take(p, T_AS) && !syntax_name(p)) return false;
    return syntax_block(p, NULL);
}

static ast *try_statement(parser *p) {
    token t = p->tok;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (!syntax_block(p, NULL)) return NULL;
    if (!syntax_is(p, T_EXCEPT) && !syntax_is(p, T_FINALLY)) return syntax_unexpected(p, "'except' or 'finally'");
    while (syntax_is(p, T_EXCEPT))
        if (!handler(p)) return NULL;
    if (syntax_take(p, T_ELSE) && !syntax_block(p, NULL)) return NULL;
    if (syntax_take(p, T_FINALLY) && !syntax_block(p, NULL)) return NULL;
    p->kids.count = mark;
    return syntax_unsupported(p, t.start, t.end, "try blocks aren't supported");
}

/* `match` is a word like others unless its line ends with a colon. */
static bool at_match(const parser *p) {
    const char *s = p->lex.src->text + p->tok.start;
    if (!syntax_is(p, T_NAME) || p->tok.end - p->tok.start != 5 || memcmp(s, "match", 5) != 0) return false;
    if (!syntax_starts(p->next.kind)) return false;
    lexer ahead = p->lex;
    token_kind before = T_NAME;
    for (token t = p->next; t.kind != T_NEWLINE; t = lex_next(&ahead)) {
        if (t.kind == T_END || t.kind == T_ERROR) return false;
        before = t.kind;
    }
    return before == T_COLON;
}

static ast *match_statement(parser *p) {
    token t = p->tok;
    uint32_t depth = 0;
    while (!syntax_is(p, T_NEWLINE)) syntax_advance(p);
    syntax_advance(p);
    do {
        depth += syntax_is(p, T_INDENT);
        depth -= syntax_is(p, T_DEDENT);
        if (syntax_is(p, T_END) || syntax_is(p, T_ERROR)) return syntax_unexpected(p, "a case");
        if (depth == 0 && !syntax_is(p, T_DEDENT)) return syntax_unexpected(p, "an indented block");
        syntax_advance(p);
    } while (depth);
    return syntax_unsupported(p, t.start, t.end, "Match aren't supported");
}

static ast *async_statement(parser *p) {
    token t = p->tok;
    size_t mark = p->kids.count;
    syntax_advance(p);
    if (syntax_is(p, T_DEF)) return syntax_function(p, t.start, syntax_node(p, AST_DECORATORS, t.start, mark), true);
    bool loop = syntax_is(p, T_FOR);
    if (!loop && !syntax_is(p, T_WITH)) return syntax_unexpected(p, "'def', 'for' or 'with'");
    if (!(loop ? for_statement(p) : with_statement(p))) return NULL;
    return syntax_unsupported(p, t.start, t.end,
                              loop ? "async for loops aren't supported" : "async with statements aren't supported");
}

/* ---- any statement ---- */

static ast *compound(parser *p) {
    switch (p->tok.kind) {
    case T_IF: return if_statement(p);
    case T_WHILE: return while_statement(p);
    case T_FOR: return for_statement(p);
    case T_WITH: return with_statement(p);
    case T_TRY: return try_statement(p);
    case T_ASYNC: return async_statement(p);
    case T_AT: return syntax_decorated(p);
    case T_DEF:
        return syntax_function(p, p->tok.start, syntax_node(p, AST_DECORATORS, p->tok.start, p->kids.count), false);
    case T_CLASS: return syntax_class(p, p->tok.start, syntax_node(p, AST_DECORATORS, p->tok.start, p->kids.count));
    default: return match_statement(p);
    }
}

bool syntax_statement(parser *p) {
    switch (p->tok.kind) {
    case T_IF:
    case T_WHILE:
    case T_FOR:
    case T_WITH:
    case T_TRY:
    case T_ASYNC:
    case T_AT:
    case T_DEF:
    case T_CLASS: return syntax_push(p, compound(p));
    default: return at_match(p) ? syntax_push(p, compound(p)) : syntax_simple_line(p);
    }
}
