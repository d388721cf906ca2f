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
        if (!parse_statement(p)) return false;
    while (!parse_is(p, T_DEDENT) && !parse_is(p, T_END));
    parse_take(p, T_DEDENT);
    return true;
}

ast *parse_block(parser *p, token *comment) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!parse_need(p, T_COLON)) return NULL;
    if (!parse_is(p, T_NEWLINE)) return parse_simple_line(p) ? parse_node(p, AST_BODY, start, mark) : NULL;
    if (comment) *comment = p->tok;
    parse_advance(p);
    if (comment && !comment->type_end) *comment = p->tok;
    if (!parse_take(p, T_INDENT)) return parse_unexpected(p, "an indented block");
    return lines(p) ? parse_node(p, AST_BODY, start, mark) : NULL;
}

/* ---- if, while, for ---- */

static ast *if_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    do {
        parse_advance(p); /* if, elif */
        if (!parse_push(p, parse_named(p)) || !parse_push(p, parse_block(p, NULL))) return NULL;
    } while (parse_is(p, T_ELIF));
    if (parse_take(p, T_ELSE) && !parse_push(p, parse_block(p, NULL))) return NULL;
    return parse_node(p, AST_IF, start, mark);
}

/* The loop, unless it has an `else`. */
static ast *after_loop(parser *p, ast *loop) {
    token t = p->tok;
    if (!loop || !parse_take(p, T_ELSE)) return loop;
    if (!parse_block(p, NULL)) return NULL;
    return parse_unsupported(p, t.start, t.end, "else branches of for/while loops aren't supported");
}

static ast *while_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (!parse_push(p, parse_named(p)) || !parse_push(p, parse_block(p, NULL))) return NULL;
    return after_loop(p, parse_node(p, AST_WHILE, start, mark));
}

static ast *for_statement(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (!parse_push(p, parse_target(p, parse_targets(p))) || !parse_need(p, T_IN) || !parse_push(p, parse_tests(p)) ||
        !parse_push(p, parse_block(p, NULL)))
        return NULL;
    return after_loop(p, parse_node(p, AST_FOR, start, mark));
}

/* ---- with ---- */

static ast *with_item(parser *p) {
    uint32_t start = p->tok.start;
    size_t mark = p->kids.count;
    if (!parse_push(p, parse_test(p))) return NULL;
    bool named = parse_take(p, T_AS);
    if (!(named ? parse_push(p, parse_target(p, parse_level(p, LEVEL_BIT_OR))) : parse_push_missing(p))) return NULL;
    return parse_node(p, AST_WITH_ITEM, start, mark);
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
    parse_advance(p);
    open = p->tok.start;
    bool wrapped = parse_is(p, T_OPEN) && parenthesized_items(p);
    if (wrapped) parse_advance(p);
    do
        if (!parse_push(p, with_item(p))) return NULL;
    while (parse_take(p, T_COMMA) && !parse_is(p, T_CLOSE));
    if (wrapped && !parse_close(p, T_CLOSE, open)) return NULL;
    return parse_push(p, parse_block(p, NULL)) ? parse_node(p, AST_WITH, start, mark) : NULL;
}

/* ---- read and refused ---- */

static bool handler(parser *p) {
    parse_advance(p);
    parse_take(p, T_MUL);
    if (!parse_is(p, T_COLON) && !parse_tests(p)) return false;
    if (parse_take(p, T_AS) && !parse_name(p)) return false;
    return parse_block(p, NULL);
}

static ast *try_statement(parser *p) {
    token t = p->tok;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (!parse_block(p, NULL)) return NULL;
    if (!parse_is(p, T_EXCEPT) && !parse_is(p, T_FINALLY)) return parse_unexpected(p, "'except' or 'finally'");
    while (parse_is(p, T_EXCEPT))
        if (!handler(p)) return NULL;
    if (parse_take(p, T_ELSE) && !parse_block(p, NULL)) return NULL;
    if (parse_take(p, T_FINALLY) && !parse_block(p, NULL)) return NULL;
    p->kids.count = mark;
    return parse_unsupported(p, t.start, t.end, "try blocks aren't supported");
}

/* `match` is a word like others unless its line ends with a colon. */
static bool at_match(const parser *p) {
    const char *s = p->lex.src->text + p->tok.start;
    if (!parse_is(p, T_NAME) || p->tok.end - p->tok.start != 5 || memcmp(s, "match", 5) != 0) return false;
    if (!parse_starts(p->next.kind)) return false;
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
    while (!parse_is(p, T_NEWLINE)) parse_advance(p);
    parse_advance(p);
    do {
        depth += parse_is(p, T_INDENT);
        depth -= parse_is(p, T_DEDENT);
        if (parse_is(p, T_END) || parse_is(p, T_ERROR)) return parse_unexpected(p, "a case");
        if (depth == 0 && !parse_is(p, T_DEDENT)) return parse_unexpected(p, "an indented block");
        parse_advance(p);
    } while (depth);
    return parse_unsupported(p, t.start, t.end, "Match aren't supported");
}

static ast *async_statement(parser *p) {
    token t = p->tok;
    size_t mark = p->kids.count;
    parse_advance(p);
    if (parse_is(p, T_DEF)) return parse_function(p, t.start, parse_node(p, AST_DECORATORS, t.start, mark), true);
    bool loop = parse_is(p, T_FOR);
    if (!loop && !parse_is(p, T_WITH)) return parse_unexpected(p, "'def', 'for' or 'with'");
    if (!(loop ? for_statement(p) : with_statement(p))) return NULL;
    return parse_unsupported(p, t.start, t.end,
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
    case T_AT: return parse_decorated(p);
    case T_DEF:
        return parse_function(p, p->tok.start, parse_node(p, AST_DECORATORS, p->tok.start, p->kids.count), false);
    case T_CLASS: return parse_class(p, p->tok.start, parse_node(p, AST_DECORATORS, p->tok.start, p->kids.count));
    default: return match_statement(p);
    }
}

bool parse_statement(parser *p) {
    switch (p->tok.kind) {
    case T_IF:
    case T_WHILE:
    case T_FOR:
    case T_WITH:
    case T_TRY:
    case T_ASYNC:
    case T_AT:
    case T_DEF:
    case T_CLASS: return parse_push(p, compound(p));
    default: return at_match(p) ? parse_push(p, compound(p)) : parse_simple_line(p);
    }
}
